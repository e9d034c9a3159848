import { describe, expect, it } from "vitest";
import { type LonLat, type Pose, footprint, sectorPath } from "../src/video/geometry";

const HERE: LonLat = [121.5, 31.2];
const M_PER_DEG = (Math.PI / 180) * 6_371_008.8;

/** Metres east and north of {@link HERE}. */
const metres = ([lon, lat]: LonLat): [number, number] => [
  (lon - HERE[0]) * M_PER_DEG * Math.cos((HERE[1] * Math.PI) / 180),
  (lat - HERE[1]) * M_PER_DEG,
];

const drone: Pose = { lon: HERE[0], lat: HERE[1], height_m: 100, yaw_deg: 0, pitch_deg: -90, view_deg: 90, view_v_deg: 60 };

describe("sector", () => {
  it("begins and ends at the camera and turns with its heading", () => {
    const path = sectorPath({ lon: HERE[0], lat: HERE[1], heading_deg: 90, view_deg: 60, view_m: 100 });
    expect(path[0]).toEqual(HERE);
    expect(path.at(-1)).toEqual(HERE);
    const arc = path.slice(1, -1).map(metres);
    for (const [east, north] of arc) expect(Math.hypot(east, north)).toBeCloseTo(100, 3);
    expect(arc[0][0]).toBeCloseTo(86.6, 1);
    expect(arc[0][1]).toBeCloseTo(50, 1);
    expect(arc.at(-1)?.[1]).toBeCloseTo(-50, 1);
  });

  it("is a ring where it sees all around", () => {
    const path = sectorPath({ lon: HERE[0], lat: HERE[1], heading_deg: 10, view_deg: 360, view_m: 50 });
    expect(path).not.toContainEqual(HERE);
    expect(path[0][0]).toBeCloseTo(path.at(-1)?.[0] ?? 0, 9);
  });
});

describe("footprint", () => {
  it("is a rectangle below one that looks straight down", () => {
    const found = footprint(drone, 1000);
    expect(found?.isCut).toBe(false);
    const points = (found?.path ?? []).map(metres);
    expect(Math.max(...points.map(([east]) => east))).toBeCloseTo(100, 1);
    expect(Math.min(...points.map(([east]) => east))).toBeCloseTo(-100, 1);
    expect(Math.max(...points.map(([, north]) => north))).toBeCloseTo(100 * Math.tan(Math.PI / 6), 1);
    expect(points[0][1]).toBeCloseTo(-100 * Math.tan(Math.PI / 6), 1);
  });

  it("turns with the yaw and widens ahead", () => {
    const points = (footprint({ ...drone, pitch_deg: -45, yaw_deg: 90, view_v_deg: 30 }, 2000)?.path ?? []).map(metres);
    const ahead = points.map(([east]) => east);
    // Lower and upper edge are 60 and 30 degrees below the horizon.
    expect(Math.min(...ahead)).toBeCloseTo(100 / Math.tan(Math.PI / 3), 1);
    expect(Math.max(...ahead)).toBeCloseTo(100 / Math.tan(Math.PI / 6), 1);
    const width = (east: number): number => {
      const at = points.filter(([x]) => Math.abs(x - east) < 1).map(([, north]) => north);
      return Math.max(...at) - Math.min(...at);
    };
    expect(width(Math.max(...ahead))).toBeGreaterThan(width(Math.min(...ahead)) * 1.5);
  });

  it("is cut at a range where the picture reaches the horizon, and says so", () => {
    const found = footprint({ ...drone, pitch_deg: -10 }, 800);
    expect(found?.isCut).toBe(true);
    for (const point of found?.path ?? []) expect(Math.hypot(...metres(point))).toBeLessThanOrEqual(800.5);
    expect(Math.max(...(found?.path ?? []).map((point) => metres(point)[1]))).toBeCloseTo(800, 0);
  });

  it("is nothing for one on the ground, or that sees the sky alone", () => {
    expect(footprint({ ...drone, height_m: 0 }, 800)).toBeNull();
    expect(footprint({ ...drone, height_m: Number.NaN }, 800)).toBeNull();
    expect(footprint({ ...drone, pitch_deg: 45 }, 800)).toBeNull();
  });
});
