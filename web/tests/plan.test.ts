import { describe, expect, it } from "vitest";
import { type Geometry, assemble, bearingDeg, boundsOf, distanceM, figureOf, joined, piecesOf } from "../src/plan/geometry";
import { History } from "../src/plan/history";

const ring: [number, number][] = [[121, 31], [121.1, 31], [121.1, 31.1], [121, 31]];
const hole: [number, number][] = [[121.05, 31.02], [121.06, 31.02], [121.06, 31.03], [121.05, 31.02]];

describe("shapes in pieces", () => {
  it.each<Geometry>([
    { type: "Point", coordinates: [121, 31] },
    { type: "LineString", coordinates: ring },
    { type: "Polygon", coordinates: [ring, hole] },
    { type: "MultiPolygon", coordinates: [[ring, hole], [hole]] },
  ])("are put together again: $type", (shape) => {
    expect(assemble(piecesOf(shape))).toEqual(shape);
  });

  it("are joined with their like, and replaced by others", () => {
    const one: Geometry = { type: "Polygon", coordinates: [ring] };
    expect(joined(one, { type: "Polygon", coordinates: [hole] })).toEqual({ type: "MultiPolygon", coordinates: [[ring], [hole]] });
    expect(joined(one, { type: "Point", coordinates: [121, 31] }).type).toBe("Point");
    expect(joined(null, one)).toBe(one);
    expect(boundsOf(one)).toEqual([121, 31, 121.1, 31.1]);
  });
});

describe("figures", () => {
  it("say in numbers what was drawn", () => {
    const square: [number, number][] = [[121, 31], [121.01, 31], [121.01, 31.01], [121, 31.01], [121, 31]];
    const figure = figureOf("rectangle", square);
    expect(figure).toMatchObject({ type: "rectangle", lon: 121.005, lat: 31.005, bearing_deg: 0 });
    expect(figure?.height_m).toBeCloseTo(distanceM([121, 31], [121, 31.01]), 0);
    expect(figureOf("polygon", square)).toBeNull();
  });

  it("run clockwise, however a sector was drawn", () => {
    const arc: [number, number][] = [[121, 31.01], [121.007, 31.007], [121.01, 31]];
    for (const drawn of [arc, [...arc].reverse()]) {
      const figure = figureOf("sector", [[121, 31], ...drawn, [121, 31]]);
      expect(figure?.from_deg).toBeCloseTo(0, 0);
      expect(figure?.to_deg).toBeCloseTo(90, 0);
    }
    expect(bearingDeg([121, 31], [120.9, 31])).toBeCloseTo(270, 0);
  });
});

describe("history", () => {
  it("goes back and forth, and forgets what was undone when something else is done", () => {
    const history = new History(0);
    history.push(1);
    history.push(2);
    expect([history.undo(), history.undo(), history.undo()]).toEqual([1, 0, null]);
    expect([history.redo(), history.canRedo]).toEqual([1, true]);
    history.push(9);
    expect([history.canRedo, history.undo()]).toEqual([false, 1]);
  });
});
