export const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** A slider shows at least so much, that its thumb can be moved at all. */
const LEAST_MS = 10 * MINUTE_MS;

/**
 * What the slider spans: the last day, or a day around a moment that is further back; never before what is kept.
 *
 * @param moment that is shown; null: the present
 * @param oldest that is kept; null: nothing is
 */
export function windowOf(moment: number | null, oldest: number | null, now: number): { start: number; end: number } {
  const isFar = moment !== null && moment < now - DAY_MS;
  const end = isFar ? Math.min(now, moment + DAY_MS / 2) : now;
  const first = Math.min(oldest ?? now, end - LEAST_MS);
  return { start: Math.max(end - DAY_MS, Math.min(first, moment ?? first)), end };
}
