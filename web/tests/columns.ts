import type { AssetColumns, CellColumns } from "../src/live/frames";

export interface AssetRow {
  id: number;
  kind?: number;
  status?: number;
  left?: boolean;
  lon?: number;
  lat?: number;
  alt_m?: number;
  speed_m_s?: number;
  heading_deg?: number;
  time_ms?: number;
}

/** Rows written out as the columns of a frame. */
export function assets(...rows: AssetRow[]): AssetColumns {
  return {
    length: rows.length,
    id: Uint32Array.from(rows, (row) => row.id),
    kind: Uint8Array.from(rows, (row) => row.kind ?? 1),
    status: Uint8Array.from(rows, (row) => row.status ?? 1),
    left: Uint8Array.from(rows, (row) => (row.left ? 1 : 0)),
    lon: Float64Array.from(rows, (row) => row.lon ?? 121.5),
    lat: Float64Array.from(rows, (row) => row.lat ?? 31.2),
    alt_m: Float32Array.from(rows, (row) => row.alt_m ?? Number.NaN),
    speed_m_s: Float32Array.from(rows, (row) => row.speed_m_s ?? 0),
    heading_deg: Float32Array.from(rows, (row) => row.heading_deg ?? Number.NaN),
    time_ms: Float64Array.from(rows, (row) => row.time_ms ?? 0),
  };
}

export interface CellRow {
  kind: number;
  total: number;
  lon?: number;
  lat?: number;
  working?: number;
  alert?: number;
  silent?: number;
  off?: number;
}

export function cells(...rows: CellRow[]): CellColumns {
  return {
    length: rows.length,
    lon: Float64Array.from(rows, (row) => row.lon ?? 121.5),
    lat: Float64Array.from(rows, (row) => row.lat ?? 31.2),
    kind: Uint8Array.from(rows, (row) => row.kind),
    total: Uint32Array.from(rows, (row) => row.total),
    working: Uint32Array.from(rows, (row) => row.working ?? 0),
    alert: Uint32Array.from(rows, (row) => row.alert ?? 0),
    silent: Uint32Array.from(rows, (row) => row.silent ?? 0),
    off: Uint32Array.from(rows, (row) => row.off ?? 0),
  };
}
