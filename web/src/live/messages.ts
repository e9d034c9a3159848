/** Text messages of the live socket (`/live`), as the server sends them. */

/** A kind of thing, declared by the server; the page itself knows none. */
export interface Kind {
  key: string;
  /** The number that stands for the kind in frames. */
  code: number;
  name: string;
  /** Name of the glyph it is drawn with; an unknown one is drawn as a dot. */
  glyph: string;
  /** Seconds after which a thing that has not reported counts as silent. */
  silent_after_s: number;
}

export interface StatusName {
  code: number;
  key: string;
  name: string;
}

export type Mode = "assets" | "cells";

export type Control =
  | { type: "hello"; server_time: number; kinds: Kind[]; statuses: StatusName[] }
  | { type: "pulse"; server_time: number; ingest_age_s: number | null; mode: Mode; visible: number }
  | { type: "reset" }
  | { type: "bye"; reason: "session" | "permission" | "stopping" | "slow" };

/** What the page looks at: degrees and a zoom level. */
export interface View {
  bbox: [west: number, south: number, east: number, north: number];
  zoom: number;
  /** Code of the only district to tell of; everywhere where missing. */
  district?: string;
}

/** Reads a text message; null for one this page does not know (a newer server may say more). */
export function parseControl(text: string): Control | null {
  const message = JSON.parse(text) as { type?: unknown };
  switch (message.type) {
    case "hello":
    case "pulse":
    case "reset":
    case "bye":
      return message as Control;
    default:
      return null;
  }
}
