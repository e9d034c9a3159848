import { beforeEach, expect, it } from "vitest";
import { gatherCrowd } from "../src/live/crowd";
import { Fleet } from "../src/live/fleet";
import { Sieve } from "../src/live/sieve";
import { ICON_SIZE, LOOKS } from "../src/live/store";
import { assets } from "./columns";

const OPEN = new Sieve();
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet(() => 0);
  const kind = { key: "a", name: "甲", glyph: "dot", silent_after_s: 60 };
  fleet.declare([{ ...kind, code: 1 }, { ...kind, code: 2 }], () => ({
    colours: new Uint8ClampedArray(LOOKS.length * 4),
    icons: new Float32Array(LOOKS.length * 2 * ICON_SIZE),
  }));
});

it("counts what lies on one another, by kind and state, and leaves the rest alone", () => {
  fleet.apply(
    assets({ id: 1 }, { id: 2 }, { id: 3, status: 0 }, { id: 4, lon: 122 }, { id: 5, kind: 2 }, { id: 6, kind: 2 }),
    0,
  );
  const { cells, singles } = gatherCrowd(fleet, OPEN, 10, 1, null);
  expect([cells.length, cells.kind[0], cells.total[0], cells.working[0]]).toEqual([1, 1, 3, 2]);
  expect(cells.lon[0]).toBeCloseTo(121.5, 9);
  expect([...(singles.get(1) ?? [])]).toEqual([3]);
  expect(singles.get(2)?.length).toBe(2);
});

it("never counts an alert or what is looked at, and leaves out hidden kinds", () => {
  const rows = Array.from({ length: 5 }, (_, i) => ({ id: i + 1, status: i === 1 ? 2 : 1 }));
  fleet.apply(assets(...rows, { id: 9, kind: 2 }), 0);
  const { cells, singles } = gatherCrowd(fleet, new Sieve(new Set([2])), 10, 1, 5);
  expect([...cells.total]).toEqual([3]);
  expect([...(singles.get(1) ?? [])].sort()).toEqual([1, 4]);
  expect(singles.has(2)).toBe(false);
});
