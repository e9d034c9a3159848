import { describe, expect, it } from "vitest";
import { planCells, spread } from "../src/live/cells";
import { cells } from "./columns";

const NONE = new Set<number>();

describe("plan", () => {
  it("sums near cells of a kind up and keeps far ones and other kinds apart", () => {
    const given = cells(
      { kind: 1, total: 10, working: 4, lon: 121.4711 },
      { kind: 1, total: 30, working: 6, lon: 121.4712 },
      { kind: 2, total: 5, lon: 121.4711 },
      { kind: 1, total: 7, lon: 123 },
    );
    const plan = planCells(given, NONE, 9, 1);
    expect([...plan.kinds]).toEqual([1, 2, 1]);
    expect([...plan.totals]).toEqual([40, 5, 7]);
    expect(plan.shares[1]).toBeCloseTo(10 / 40, 6);
    expect(plan.positions[4]).toBeCloseTo(123, 6);
    expect(plan.positions[5]).toBeCloseTo(31.2, 6);
  });

  it("leaves out hidden kinds and empty cells", () => {
    const plan = planCells(cells({ kind: 1, total: 3 }, { kind: 2, total: 0 }, { kind: 3, total: 4 }), new Set([3]), 9, 1);
    expect([...plan.kinds]).toEqual([1]);
  });

  it("shows one alert among thousands", () => {
    const [alert, working, calm] = planCells(cells({ kind: 1, total: 5000, alert: 1, working: 4999 }), NONE, 9, 1).shares;
    expect(alert).toBeCloseTo(0.08, 6);
    expect(working).toBeCloseTo(0.92, 6);
    expect(calm).toBe(0);
  });
});

describe("spread", () => {
  it("parts discs that lie on one another, and leaves free ones alone", () => {
    const xy = Float64Array.of(0, 0, 0, 0, 500, 500);
    spread(xy, Float32Array.of(20, 20, 20), 2, 100);
    expect(Math.hypot(xy[2] - xy[0], xy[3] - xy[1])).toBeGreaterThan(41);
    expect([...xy.subarray(4)]).toEqual([500, 500]);
  });

  it("moves none further than allowed", () => {
    const xy = new Float64Array(60);
    spread(xy, new Float32Array(30).fill(20), 2, 30);
    for (let i = 0; i < 60; i += 2) expect(Math.hypot(xy[i], xy[i + 1])).toBeLessThanOrEqual(30 + 1e-9);
  });
});
