import { beforeEach, expect, it } from "vitest";
import { inOrder, isPresent, outcome } from "../src/director/presence";
import type { Run, RunStep, WallInfo } from "../src/director/protocol";
import { Tour } from "../src/screen/tour";

const view = { lon: 121, lat: 31, zoom: 9, pitch: 0, bearing: 0 };
const step = (name: string, dwell_s: number): RunStep => ({
  scene: name.length, name, view, district: "", layers: null, folded: [], asset: null, dwell_s,
});
const run = (more: Partial<Run> = {}): Run => ({
  run: 7, tour: 1, name: "tour", loop: true, step: 0, paused: false, why: "", until: null,
  steps: [step("a", 10), step("bb", 20)], ...more,
});

let now = 0;
let shown: string[] = [];
let tour: Tour;

beforeEach(() => {
  now = 1000;
  shown = [];
  tour = new Tour(() => now, ({ name }) => shown.push(name), () => undefined);
});

function wait(ms: number): void {
  now += ms;
  tour.tick();
}

it("shows each scene for its time and begins again", () => {
  tour.play(run());
  wait(9999);
  expect(shown).toEqual(["a"]);
  wait(1);
  wait(20_000);
  expect(shown).toEqual(["a", "bb", "a"]);
  expect(tour.report()).toEqual({ run: 7, step: 0, paused: false, why: "", until: now + 10_000 });
});

it("ends behind the last scene where it does not loop", () => {
  tour.play(run({ loop: false }));
  tour.move(1);
  tour.move(1);
  expect(tour.report()).toBeNull();
  expect(shown).toEqual(["a", "bb"]);
});

it("keeps what was left of a scene while it is paused", () => {
  tour.play(run());
  wait(4000);
  tour.pause("touch");
  expect(tour.report()).toMatchObject({ paused: true, why: "touch", until: null });
  wait(60_000);
  tour.resume();
  expect(tour.report()).toMatchObject({ paused: false, why: "", until: now + 6000 });
  wait(6000);
  expect(shown).toEqual(["a", "a", "bb"]);
});

it("moves while it is paused and stays paused", () => {
  tour.play(run());
  tour.pause("order");
  tour.move(-1);
  expect(shown).toEqual(["a", "bb"]);
  wait(60_000);
  expect(tour.report()).toMatchObject({ step: 1, paused: true });
});

it("goes on after a reload where the record says", () => {
  tour.play(run({ step: 1, until: 5 }));
  expect(shown).toEqual(["bb"]);
  expect(tour.report()?.until).toBe(now + 20_000);
  tour.play(run({ step: 1, paused: true, why: "touch" }));
  wait(60_000);
  expect(tour.report()).toMatchObject({ step: 1, paused: true, why: "touch" });
});

const wall = (more: Partial<WallInfo>): WallInfo => ({
  id: 1, name: "w", named: "", code: "ABC", user: { id: 1, name: "u" }, since: 0, seen_at: 0, left_at: null,
  state: {}, run: null, number: 0, done: 0, fault: "", ...more,
});

it("takes a wall for gone when it left or fell silent, and lists it last", () => {
  expect(isPresent(wall({ seen_at: 1000 }), 5000)).toBe(true);
  expect(isPresent(wall({ seen_at: 1000 }), 14_000)).toBe(false);
  expect(isPresent(wall({ seen_at: 1000, left_at: 1200 }), 1300)).toBe(false);
  const walls = [wall({ id: 1, name: "a", left_at: 1 }), wall({ id: 2, name: "z" }), wall({ id: 3, name: "b" })];
  expect(inOrder(walls, 100).map(({ id }) => id)).toEqual([3, 2, 1]);
});

it("never says that something is shown before the wall has said so", () => {
  expect(outcome(3, 0, wall({ done: 2 }), 100)).toBe("waiting");
  expect(outcome(3, 0, wall({ done: 2, state: { doing: 3 } }), 60_000)).toBe("moving");
  expect(outcome(3, 0, wall({ done: 2 }), 60_000)).toBe("unanswered");
  expect(outcome(3, 0, wall({ done: 3 }), 60_000)).toBe("done");
});
