import { describe, expect, it } from "vitest";
import type { Shift } from "../src/api";
import { degrees, lasting } from "../src/map/watch";
import { type ChartInfo, hasStopped, hourTicks, momentAt, standing, withGaps } from "../src/screen/charts/chart";
import { dash, signOf } from "../src/screen/charts/look";
import { isAlone, type Look, optionOf } from "../src/screen/charts/options";
import { Clock } from "../src/time";
import type { Tokens } from "../src/tokens";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Midnight of 21 November 2026 in Shanghai. */
const MIDNIGHT = Date.UTC(2026, 10, 20, 16);
const shanghai = new Clock("zh-hans", "Asia/Shanghai");
const clockText = (ms: number): string => shanghai.minute(ms);

function chart(given: Partial<ChartInfo> = {}): ChartInfo {
  const series = [
    { key: "working", title: "作业中", colour: "working", values: [1, 2, 3] },
    { key: "silent", title: "静默", colour: "silent", values: [0, 4, 1] },
  ];
  return {
    id: "things", title: "", unit: "台", source: "", form: "lines", every_s: 300, empty: "",
    moments: [MIDNIGHT, MIDNIGHT + 5 * MINUTE, MIDNIGHT + 10 * MINUTE],
    as_of: MIDNIGHT + 10 * MINUTE, next_at: null, series, ...given,
  };
}

describe("what is known, and what is not", () => {
  it("leaves a hole where nobody counted", () => {
    const moments = [0, 5 * MINUTE, 11 * MINUTE, 40 * MINUTE];
    expect(withGaps(moments, [7, 8, 9, 0], 300)).toEqual([
      [0, 7], [5 * MINUTE, 8], [11 * MINUTE, 9], [11 * MINUTE + 1, null], [40 * MINUTE, 0],
    ]);
    expect(withGaps([], [], 300)).toEqual([]);
  });

  it("tells of the nearest moment, but of none that is too far", () => {
    const [first, second] = chart().moments;
    expect(momentAt(chart(), first + 2 * MINUTE)).toBe(0);
    expect(momentAt(chart(), second - 2 * MINUTE)).toBe(1);
    expect(momentAt(chart(), first - 3 * MINUTE)).toBe(0);
    expect(momentAt(chart(), first - 6 * MINUTE)).toBeNull();
    expect(momentAt(chart({ moments: [first, first + HOUR] }), first + HOUR / 2)).toBeNull();
    expect(momentAt(chart({ moments: [] }), first)).toBeNull();
  });

  it("tells of the hour a bar stands for, from its first to its last moment", () => {
    const bars = chart({ form: "bars", every_s: 3600, moments: [MIDNIGHT, MIDNIGHT + HOUR] });
    expect(momentAt(bars, MIDNIGHT)).toBe(0);
    expect(momentAt(bars, MIDNIGHT + HOUR - 1)).toBe(0);
    expect(momentAt(bars, MIDNIGHT + HOUR)).toBe(1);
    expect(momentAt(bars, MIDNIGHT + 2 * HOUR)).toBeNull();
    expect(momentAt(bars, MIDNIGHT - 1)).toBeNull();
  });

  it("notices that counting has stopped", () => {
    const now = MIDNIGHT + 10 * MINUTE;
    expect(hasStopped(chart(), now + 5 * MINUTE)).toBe(false);
    expect(hasStopped(chart(), now + 9 * MINUTE)).toBe(true);
    expect(hasStopped(chart({ as_of: null }), now + HOUR)).toBe(false);
    expect(hasStopped(chart({ form: "bars" }), now + HOUR)).toBe(false);
  });

  it("stands at the newest figure, and of bars at their sum", () => {
    expect(standing(chart())).toEqual([3, 1]);
    expect(standing(chart({ form: "bars" }))).toEqual([6, 5]);
  });
});

describe("the axis", () => {
  it("has ticks at the city's full hours, wherever the screen stands", () => {
    const ticks = hourTicks(MIDNIGHT - 2 * HOUR + 1, MIDNIGHT + 7 * HOUR, 3, clockText);
    expect(ticks.map(clockText)).toEqual(["00:00", "03:00", "06:00"]);
    const delhi = new Clock("en", "Asia/Kolkata");
    const half = hourTicks(MIDNIGHT, MIDNIGHT + 6 * HOUR, 3, (ms) => delhi.minute(ms));
    expect(half.map((ms) => delhi.minute(ms))).toEqual(["00:00", "03:00"]);
  });
});

describe("what is drawn", () => {
  const tokens = { working: "#3dd68c", silent: "#5b6b84", quiet: "#8fa3bf", line: "#24324a", raised: "#121c2e", ground: "#0b1220" };
  const look: Look = { tokens: tokens as Tokens, font: "Noto Sans SC", fontSize: 13, width: 260, clockText };
  const end = MIDNIGHT + 24 * HOUR;
  interface Drawn {
    type: string;
    data: unknown[];
    lineStyle?: { color: string; type: unknown };
    label?: { show: boolean };
    step?: unknown;
  }
  const series = (option: ReturnType<typeof optionOf>): Drawn[] => option.series as unknown as Drawn[];

  it("tells lines apart by colour and by stroke, with holes", () => {
    const gappy = chart({ moments: [MIDNIGHT, MIDNIGHT + 5 * MINUTE, MIDNIGHT + HOUR] });
    const lines = series(optionOf(gappy, MIDNIGHT, end, look));
    expect(lines.map(({ lineStyle }) => lineStyle?.color)).toEqual(["#3dd68c", "#5b6b84"]);
    expect(lines[0].lineStyle?.type).toBe("solid");
    expect(lines[1].lineStyle?.type).toEqual(dash(1, 13 / 7));
    expect(lines[0].data).toHaveLength(4);
    expect(lines[0].step).toBeUndefined();
    expect(series(optionOf(chart({ form: "steps" }), MIDNIGHT, end, look))[0].step).toBe("end");
  });

  it("makes a point of what stands alone", () => {
    const points = withGaps([0, HOUR, HOUR + 5 * MINUTE], [1, 2, 3], 300);
    expect(points.map((_point, i) => isAlone(points, i))).toEqual([true, false, false, false]);
  });

  it("puts a bar in the middle of its hour and the grade's sign on it where there is room", () => {
    const bars = chart({
      form: "bars", every_s: 3600, moments: [MIDNIGHT],
      series: [{ key: "1", title: "红色", colour: "grade-red", values: [2] }],
    });
    const [drawn] = series(optionOf(bars, MIDNIGHT, end, { ...look, width: 600 }));
    expect(drawn.data).toEqual([[MIDNIGHT + HOUR / 2, 2]]);
    expect(drawn.label?.show).toBe(true);
    expect(series(optionOf(bars, MIDNIGHT, end, { ...look, width: 100 }))[0].label?.show).toBe(false);
    expect(["1", "2", "3", "4", "working"].map(signOf)).toEqual(["▲", "◆", "●", "■", ""]);
  });

  it("writes as many hours as there is room for", () => {
    const ticks = (width: number): number => {
      const axis = optionOf(chart(), MIDNIGHT, end, { ...look, width }).xAxis as { axisTick: { customValues: number[] } };
      return axis.axisTick.customValues.length;
    };
    expect(ticks(260)).toBeLessThanOrEqual(5);
    expect(ticks(1200)).toBeGreaterThan(ticks(260));
  });
});

describe("the watch", () => {
  const shift = (name: string, from: number, to: number): Shift => ({
    name, title: "", region: "", telephone: "", reveal: "",
    starts_at: new Date(from).toISOString(), ends_at: new Date(to).toISOString(),
  });

  it("names nobody whose shift is over, though the server said nothing new", () => {
    const shifts = [shift("甲", 0, HOUR), shift("乙", HOUR, 2 * HOUR)];
    const names = (now: number): string[] => lasting(shifts, now).map(({ name }) => name);
    expect([names(0), names(HOUR - 1), names(HOUR), names(2 * HOUR)]).toEqual([["甲"], ["甲"], ["乙"], []]);
  });

  it("writes degrees as they are read", () => {
    expect([18, 18.46, -0.04].map(degrees)).toEqual(["18 ℃", "18.5 ℃", "0 ℃"]);
  });
});
