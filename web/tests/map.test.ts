import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { completeBoot } from "../src/boot";
import { compass, distanceText, speedText } from "../src/map/card";
import { ringMiddle } from "../src/map/places";
import { attributeText } from "../src/map/attributes";
import { findRoom, widthInEms } from "../src/map/declutter";
import { drawingInterval } from "../src/map/pace";
import { TRACK_MS, Track } from "../src/map/track";
import { Clock } from "../src/time";

vi.mock("maplibre-gl", () => ({}));

describe("track", () => {
  const now = 4_000_000;

  it("breaks where nothing was reported and fades with age", () => {
    const track = new Track([
      [121.02, 31, now, 1],
      [121, 31, now - 3_500_000, 1],
      [121.001, 31, now - 3_490_000, null],
      [121.019, 31, now - 10_000, 1],
    ]);
    const stretches = track.stretches(now, now - TRACK_MS, [1, 2, 3]);
    expect(stretches.map((stretch) => stretch.path.length)).toEqual([2, 2]);
    const alphas = stretches.flatMap((stretch) => stretch.colours.map((colour) => colour[3]));
    expect(alphas).toEqual([...alphas].sort((a, b) => a - b));
    expect(track.length_m()).toBeCloseTo(95.3 * 2, 0);
  });

  it("grows with newer reports only and forgets what is too old", () => {
    const track = new Track([[121, 31, now - 3_599_000, 1]]);
    track.append([121.1, 31, now, 1]);
    track.append([121.2, 31, now, 1]);
    track.append([121.3, 31, now - 5000, 1]);
    expect(track.length).toBe(2);
    track.trim(now + 2000 - TRACK_MS);
    expect(track.length).toBe(1);
  });
});

describe("drawing pace", () => {
  it("draws twice a pixel, within limits, and not at all for what cannot be seen", () => {
    expect(drawingInterval(0, 16)).toBeNull();
    expect(drawingInterval(0.01, 11)).toBeNull();
    expect(drawingInterval(1e-7, 14)).toBeNull();
    expect(drawingInterval(1.2e-4, 14)).toBeGreaterThan(100);
    expect(drawingInterval(0.01, 16)).toBe(33);
  });
});

describe("label place", () => {
  it("is the middle of a ring, either way round", () => {
    const ring = [[121, 31], [121.2, 31], [121.2, 31.4], [121, 31.4], [121, 31]];
    for (const given of [ring, [...ring].reverse()]) {
      const { area, x, y } = ringMiddle(given);
      expect(Math.abs(area)).toBeCloseTo(0.08, 9);
      expect([x, y].map((part) => part.toFixed(6))).toEqual(["121.100000", "31.200000"]);
    }
  });
});

describe("words on the card", () => {
  it("has units, and a dash for the unknown", () => {
    expect(speedText(1.2)).toBe("4.3 公里/时");
    expect(speedText(20)).toBe("72 公里/时");
    expect(speedText(Number.NaN)).toBe("—");
    expect(speedText(null)).toBe("—");
    expect(distanceText(620.4)).toBe("620 米");
    expect(distanceText(3440)).toBe("3.4 公里");
    expect([0, 44, 359, -90].map(compass)).toEqual(["北", "东北", "北", "西"]);
  });
});

describe("reported attributes", () => {
  it("have a name and a unit where they are known, and stay as they came where not", () => {
    expect(attributeText("current_a", 158.26)).toEqual(["电流", "158.3 安"]);
    expect(attributeText("battery_pct", 80)).toEqual(["电量", "80%"]);
    expect(attributeText("current_a", "?")).toEqual(["电流", "?"]);
    expect(attributeText("helmet", true)).toEqual(["helmet", "是"]);
    expect(attributeText("ext", { a: 1 })).toEqual(["ext", '{"a":1}']);
  });
});

describe("room for names", () => {
  const box = (x: number, y: number, reach = 20) => ({ x, y, width: 40, height: 10, reach });

  it("is beside marks where that can be, never on another name, and not at all where there is none", () => {
    const taken = [box(0, 100)];
    const found = findRoom([box(0, 0), box(0, 5), box(0, 98)], [[0, 0], [0, 12]], [box(10, 0)], taken);
    expect(found).toEqual([[0, 12], null, [0, 12]]);
    expect(taken.length).toBe(3);
    expect(findRoom([box(0, 0, 5)], [[0, 0], [0, 12]], [], [box(0, 0)])).toEqual([null]);
  });

  it("is wider for ideographs", () => {
    expect(widthInEms("焊机")).toBe(2);
    expect(widthInEms("W-01")).toBeCloseTo(2.32, 9);
  });
});

describe("clock", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("goes by the server, in the city's zone, relative for an hour", () => {
    vi.setSystemTime(0);
    const clock = new Clock("zh-hans", "Asia/Shanghai");
    const server = Date.UTC(2025, 10, 20, 6, 3, 27);
    clock.hear(server);
    vi.setSystemTime(12_000);
    expect(clock.time(clock.now())).toBe("14:03:39");
    expect(clock.ago(server)).toBe("12 秒前");
    expect(clock.ago(server - 300_000)).toBe("5 分钟前");
    expect(clock.ago(server - 4_000_000)).toContain("12:56");
    expect(clock.ago(server + 60_000)).toBe("0 秒前");
  });
});

describe("boot data", () => {
  it("says what is missing and fills what may be left out", () => {
    expect(() => completeBoot({})).toThrow(/bounds/);
    const boot = completeBoot({ bounds: [121, 31, 122, 32], urls: { live: "/elsewhere" } });
    expect(boot.center).toEqual([121.5, 31.5]);
    expect(boot.urls).toMatchObject({ live: "/elsewhere", tiles: "/tiles" });
  });
});
