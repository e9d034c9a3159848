import type { AssetColumns } from "../../live/frames";

/** Rows of the past after one moment up to another, by time. */
export interface Chunk {
  /** Milliseconds since 1970 UTC. */
  from: number;
  to: number;
  columns: AssetColumns;
  /** Each thing's last row of each cell of so many seconds was kept; 0: every row there is. */
  cell_s: number;
}

/** Rows `from` up to, not including, `to`: views, nothing is copied. */
export function slice(columns: AssetColumns, from: number, to: number): AssetColumns {
  const part = { length: to - from } as AssetColumns;
  for (const name of NAMES) part[name] = columns[name].subarray(from, to) as never;
  return part;
}

/** No rows. */
export function noRows(): AssetColumns {
  return {
    length: 0, id: new Uint32Array(), kind: new Uint8Array(), status: new Uint8Array(), left: new Uint8Array(),
    lon: new Float64Array(), lat: new Float64Array(), alt_m: new Float32Array(), speed_m_s: new Float32Array(),
    heading_deg: new Float32Array(), time_ms: new Float64Array(),
  };
}

const NAMES = [
  "id", "kind", "status", "left", "lon", "lat", "alt_m", "speed_m_s", "heading_deg", "time_ms",
] as const;

/** Index of the first row after `moment`; rows are by time. */
export function after({ time_ms, length }: AssetColumns, moment: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (time_ms[middle] > moment) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Speeds of the playback: seconds of then in a second of now. */
export const SPEEDS = [1, 10, 60, 300, 600] as const;
export type Speed = (typeof SPEEDS)[number];

/** What is asked for at once, and how fine: some ten seconds of playing, and no finer than its steps. */
export function portion(speed: Speed): { span_ms: number; cell_s: number } {
  switch (speed) {
    case 1:
      return { span_ms: 30_000, cell_s: 0 };
    case 10:
      return { span_ms: 120_000, cell_s: 2 };
    case 60:
      return { span_ms: 600_000, cell_s: 15 };
    case 300:
      return { span_ms: 3_000_000, cell_s: 60 };
    case 600: // the longest that is answered: six seconds of playing
      return { span_ms: 3_600_000, cell_s: 120 };
  }
}
