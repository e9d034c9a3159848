/** What a chart of the last 24 hours is (`GET /api/v1/charts/…`), and what can be said of it without drawing it. */
export interface ChartInfo {
  id: string;
  title: string;
  unit: string;
  source: string;
  form: "lines" | "steps" | "bars";
  /** Seconds between two moments; further apart means that nothing is known between them. */
  every_s: number;
  /** Milliseconds since 1970 UTC, ascending. */
  moments: number[];
  series: ChartSeries[];
  as_of: number | null;
  next_at: number | null;
  /** What would fill it, while it has no moments. */
  empty: string;
}

export interface ChartSeries {
  key: string;
  title: string;
  /** Name of a design token. */
  colour: string;
  /** One for each moment. */
  values: number[];
}

export const DAY_MS = 24 * 3600_000;
/** A moment that comes this many times later than it should has others missing before it. */
const MISSING = 1.6;

/** Points of a line, with a hole (null) wherever nobody counted; times in ms. */
export function withGaps(moments: readonly number[], values: readonly number[], every_s: number): [number, number | null][] {
  const longest = every_s * 1000 * MISSING;
  const points: [number, number | null][] = [];
  moments.forEach((moment, i) => {
    const before = moments[i - 1];
    if (before !== undefined && moment - before > longest) points.push([before + 1, null]);
    points.push([moment, values[i]]);
  });
  return points;
}

/** Index of the moment that speaks for the time `at` (ms); null: nothing is known of it. */
export function momentAt({ moments, every_s, form }: ChartInfo, at: number): number | null {
  const every = every_s * 1000;
  if (form === "bars") {
    const i = moments.findLastIndex((moment) => moment <= at);
    return i >= 0 && at < moments[i] + every ? i : null;
  }
  let best: number | null = null;
  for (const [i, moment] of moments.entries()) {
    if (best === null || Math.abs(moment - at) < Math.abs(moments[best] - at)) best = i;
  }
  return best !== null && Math.abs(moments[best] - at) <= (every * MISSING) / 2 ? best : null;
}

/** Whether counting has stopped: the newest figures are older than they may be at `now` (ms). */
export function hasStopped({ as_of, every_s, form }: ChartInfo, now: number): boolean {
  return form === "lines" && as_of !== null && now - as_of > every_s * 1000 * MISSING;
}

/** Full hours of the city's clock between two times, every `step` hours of its day. */
export function hourTicks(start: number, end: number, step: number, clockText: (ms: number) => string): number[] {
  const half = 1800_000;
  const ticks: number[] = [];
  for (let at = Math.ceil(start / half) * half; at <= end; at += half) {
    const text = clockText(at);
    if (text.endsWith(":00") && Number.parseInt(text, 10) % step === 0) ticks.push(at);
  }
  return ticks;
}

/** What stands beside the names while nothing is pointed at: the newest figure; of bars, their sum. */
export function standing({ form, series }: ChartInfo): number[] {
  return series.map(({ values }) => (form === "bars" ? values.reduce((sum, value) => sum + value, 0) : (values.at(-1) ?? 0)));
}
