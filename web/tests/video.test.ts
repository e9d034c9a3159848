import { describe, expect, it } from "vitest";
import { between } from "../src/video/beside";
import { flightOf } from "../src/video/flying";
import { type LonLat, type Pose, footprint, sectorPath } from "../src/video/geometry";
import { wavOf } from "../src/video/talk";
import { joined } from "../src/video/recordings/device";

const HERE: LonLat = [121.5, 31.2];
const M_PER_DEG = (Math.PI / 180) * 6_371_008.8;

/** Metres east and north of {@link HERE}. */
const metres = ([lon, lat]: LonLat): [number, number] => [
  (lon - HERE[0]) * M_PER_DEG * Math.cos((HERE[1] * Math.PI) / 180),
  (lat - HERE[1]) * M_PER_DEG,
];

const drone: Pose = { lon: HERE[0], lat: HERE[1], height_m: 100, yaw_deg: 0, pitch_deg: -90, view_deg: 90, view_v_deg: 60 };

describe("a picture beside an icon", () => {
  it("stands between the panels where there is room for it, and over them where there is none", () => {
    expect(between(300, 1000, 1366, 360)).toEqual([300, 640]);
    expect(between(300, 600, 1366, 360)).toEqual([8, 998]);
  });
});

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

describe("what devices have recorded", () => {
  it("is one stretch where pieces follow each other, and several where they do not", () => {
    const pieces: [number, number][] = [[7000, 9000], [1000, 3000], [3000, 6000], [20_000, 21_000]];
    expect(joined(pieces)).toEqual([[1000, 9000], [20_000, 21_000]]);
    expect(pieces[1]).toEqual([1000, 3000]);
  });
});

describe("flight", () => {
  const state = { time: 0, lon: 121.5, lat: 31.2, alt_m: 90, speed_m_s: 10, heading_deg: 30, status: 1 };

  it("is read from what is reported, and says what was only taken to be so", () => {
    const attrs = { gimbal_pitch_deg: -45, gimbal_yaw_deg: 200, height_m: 80, view_deg: 64 };
    const told = flightOf({ state: { ...state, attrs } }, null, null);
    expect(told?.isAssumed).toBe(false);
    expect(told?.pose).toEqual({ lon: 121.5, lat: 31.2, height_m: 80, yaw_deg: 200, pitch_deg: -45, view_deg: 64, view_v_deg: 36 });
    const carrying = flightOf({ state: { ...state, attrs: null } }, null, { view_deg: null, view_v_deg: null });
    expect(carrying?.isAssumed).toBe(true);
    expect(carrying?.pose).toMatchObject({ height_m: 90, yaw_deg: 30, pitch_deg: -90 });
  });

  it("is nothing of what has neither gimbal nor camera, or stands on the ground", () => {
    expect(flightOf({ state: { ...state, attrs: { height_m: 80 } } }, null, null)).toBeNull();
    expect(flightOf({ state: { ...state, alt_m: null, attrs: { gimbal_pitch_deg: -45 } } }, null, null)).toBeNull();
    expect(flightOf({ state: null }, null, null)).toBeNull();
  });
});

describe("voice", () => {
  it("becomes a WAV file of one channel", () => {
    const file = new DataView(wavOf(Float32Array.from([0, 1, -1, 2]), 48_000));
    const text = (at: number, length: number): string => String.fromCharCode(...Array.from({ length }, (_, i) => file.getUint8(at + i)));
    expect([text(0, 4), text(8, 8), text(36, 4)]).toEqual(["RIFF", "WAVEfmt ", "data"]);
    expect([file.getUint32(4, true), file.getUint16(22, true), file.getUint32(24, true), file.getUint32(40, true)]).toEqual([44, 1, 48_000, 8]);
    expect([0, 1, 2, 3].map((i) => file.getInt16(44 + i * 2, true))).toEqual([0, 32_767, -32_767, 32_767]);
  });
});
