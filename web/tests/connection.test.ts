import { expect, it } from "vitest";
import { judge } from "../src/live/connection";
import type { SocketState } from "../src/live/socket";

const OPEN: SocketState = { phase: "open", since: 0, heard: 10_000, nextTry: null };

it("is green only while both the server and the ingest worker are heard", () => {
  expect(judge(OPEN, { age_s: 1, at: 10_000 }, 12_900)).toEqual({ state: "live" });
  expect(judge(OPEN, { age_s: 1, at: 10_000 }, 13_100)).toEqual({ state: "late", since: 10_000 });
  expect(judge(OPEN, { age_s: 7, at: 10_000 }, 10_500)).toEqual({ state: "late", since: 3000 });
  expect(judge(OPEN, { age_s: null, at: 10_000 }, 10_500)).toEqual({ state: "late", since: null });
});

it("is never green before the first pulse or without a connection", () => {
  expect(judge(OPEN, null, 10_000)).toEqual({ state: "starting" });
  expect(judge({ ...OPEN, phase: "connecting" }, { age_s: 0, at: 10_000 }, 10_000)).toEqual({ state: "starting" });
  const broken: SocketState = { phase: "broken", since: 9000, heard: 9900, nextTry: 12_000 };
  expect(judge(broken, { age_s: 0, at: 9900 }, 10_000)).toEqual({ state: "broken", since: 9000, nextTry: 12_000 });
});
