import type { SocketState } from "./socket";

/** Older than this, what is shown may no longer be called live. */
const FRESH_MS = 3000;
/** Longer than this without a word from the ingest worker, its data is late. */
const INGEST_LATE_S = 5;

export type Light =
  | { state: "starting" }
  | { state: "live" }
  /** The server answers, but data is late; `since` in local ms, null when the ingest worker was never heard. */
  | { state: "late"; since: number | null }
  /** No connection; `since` and `nextTry` in local ms (`nextTry` null: trying now). */
  | { state: "broken"; since: number; nextTry: number | null };

/** What the latest pulse said about the ingest worker. */
export interface IngestReport {
  /** Seconds since the worker was heard, when the pulse was sent; null: never. */
  age_s: number | null;
  /** When the pulse came, local ms. */
  at: number;
}

/** What the connection light shows at `now` (local ms). Never greener than the facts allow. */
export function judge(socket: Readonly<SocketState>, ingest: IngestReport | null, now: number): Light {
  if (socket.phase === "broken") return { state: "broken", since: socket.since, nextTry: socket.nextTry };
  if (socket.phase === "connecting" || socket.heard === null || ingest === null) return { state: "starting" };
  if (now - socket.heard > FRESH_MS) return { state: "late", since: socket.heard };
  if (ingest.age_s === null) return { state: "late", since: null };
  const heard = ingest.at - ingest.age_s * 1000;
  return ingest.age_s > INGEST_LATE_S ? { state: "late", since: heard } : { state: "live" };
}
