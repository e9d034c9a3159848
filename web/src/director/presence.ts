import type { WallInfo } from "./protocol";

/** A wall speaks every 4 s; not heard for this long, it is gone. */
export const ALIVE_MS = 12_000;

/** Whether a wall is there, at the server's time `now`. */
export function isPresent({ left_at, seen_at }: Pick<WallInfo, "left_at" | "seen_at">, now: number): boolean {
  return left_at === null && now - seen_at < ALIVE_MS;
}

/** Walls that are there first, then by name. */
export function inOrder(walls: Iterable<WallInfo>, now: number): WallInfo[] {
  return [...walls].sort(
    (one, other) => Number(isPresent(other, now)) - Number(isPresent(one, now)) || one.name.localeCompare(other.name) || one.id - other.id,
  );
}

/** What has become of an order: `waiting` for the wall, which is `moving`, or `done`; or without an answer for too long. */
export function outcome(
  number: number,
  sent: number,
  { done, state }: Pick<WallInfo, "done" | "state">,
  now: number,
): "waiting" | "moving" | "done" | "unanswered" {
  if (done >= number) return "done";
  if (state.doing != null) return "moving";
  return now - sent > UNANSWERED_MS ? "unanswered" : "waiting";
}

const UNANSWERED_MS = 8000;
