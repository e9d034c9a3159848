import { describe, expect, it, vi } from "vitest";
import { type LonLat, boxOf, gestureOf, metres, outline, ringAround } from "../src/screen/asking/questions";
import { runAt } from "../src/screen/grids";

vi.mock("maplibre-gl", () => ({}));

const HERE: LonLat = [121.47, 31.23];

describe("a question's shape", () => {
  it("is a circle whose corners are all as far as was pulled", () => {
    const ring = ringAround(HERE, 1500);
    expect(ring[0]).toEqual(ring[64]);
    for (const corner of ring) expect(metres(HERE, corner)).toBeCloseTo(1500, -1);
  });

  it("is the same box whichever way it was pulled", () => {
    const there: LonLat = [121.4, 31.3];
    expect(boxOf(HERE, there)).toEqual([121.4, 31.23, 121.47, 31.3]);
    expect(boxOf(there, HERE)).toEqual(boxOf(HERE, there));
  });

  it("is drawn while the hand moves", () => {
    const line: LonLat[] = [HERE, [121.5, 31.3], [121.6, 31.2]];
    expect(outline("circle", [])).toBeNull();
    expect(outline("circle", [HERE])?.type).toBe("Point");
    expect(outline("rectangle", line)).toEqual({
      type: "Polygon",
      coordinates: [[[121.47, 31.2], [121.6, 31.2], [121.6, 31.23], [121.47, 31.23], [121.47, 31.2]]],
    });
    expect(outline("polygon", line)).toEqual({ type: "Polygon", coordinates: [[...line, HERE]] });
    expect(outline("crossed", line)).toEqual({ type: "LineString", coordinates: line });
  });

  it("is pulled, drawn, set point by point or pointed at", () => {
    const gestures = (["circle", "polygon", "corridor", "nearest", "near"] as const).map(gestureOf);
    expect(gestures).toEqual(["pull", "free", "points", "point", "none"]);
  });
});

describe("a risk grid in time", () => {
  const runs = [{ at: 300, until: 400 }, { at: 100, until: 290 }];

  it("is the newest run of the moment shown", () => {
    expect(runAt(runs, null)?.at).toBe(300);
    expect(runAt(runs, 299)?.at).toBe(100);
    expect(runAt(runs, 300)?.at).toBe(300);
    expect(runAt(runs, 50)).toBeNull();
    expect(runAt([], null)).toBeNull();
  });
});
