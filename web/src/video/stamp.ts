import type { Clock } from "../time";

/** Writes the city's time as `2026-11-21 20:03:27`: it is burnt into pictures that outlive the day. */
export function stamper(clock: Clock, timeZone: string | undefined): () => string {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  return () => format.format(clock.now());
}
