import { describe, expect, it, vi } from "vitest";
import { ALL_LOOKS, Sieve, narrowed } from "../src/live/sieve";
import { KindStore, LOOKS } from "../src/live/store";
import { Trails } from "../src/live/trails";
import { Filters } from "../src/screen/filters";
import type { LayerInfo, Part, Statistics } from "../src/screen/layerinfo";
import { Memory } from "../src/screen/memory";
import { targetOf } from "../src/screen/spotlight";
import { Clock } from "../src/time";
import { assets, cells } from "./columns";

vi.mock("maplibre-gl", () => ({}));

const option = (value: string | number | boolean): { value: string | number | boolean; title: string } => ({ value, title: String(value) });

function layer(id: string, more: Partial<LayerInfo> = {}): LayerInfo {
  return {
    id, title: id, group: "", module: "", visible: true, min_zoom: 0, max_zoom: 24,
    source: { type: "live", shape: "point", kind: "machine", code: 1, silent_after_s: 60 },
    style: { type: "icon" }, legend: [], card: [],
    filters: [{ field: "status", title: "", options: [0, 1, 2, 3, "silent"].map(option) }],
    ...more,
  };
}

const MACHINES = layer("a.machines");
const PLANTS = layer("b.plants", {
  source: { type: "rows", shape: "polygon", tiles: "b.plants", min_zoom: 0, max_zoom: 16 },
  filters: [
    { field: "hazard", title: "", options: ["1", "2", ""].map(option) },
    { field: "open", title: "", options: [true, false].map(option) },
  ],
});

function statistics(...parts: [district: string, state: Part["state"], values: unknown[], count: number][]): Statistics {
  const told = parts.map(([district, state, values, count]) => ({ district, state, values, count }));
  const by = (key: "district" | "state") =>
    [...new Set(told.map((part) => part[key]))].map((value) => ({
      value: value ?? "", title: "", count: told.filter((part) => part[key] === value).reduce((sum, { count }) => sum + count, 0),
    }));
  const total = told.reduce((sum, { count }) => sum + count, 0);
  return { id: "", total, state: by("state"), kind: [], district: by("district"), parts: told, as_of: "" };
}

describe("filters", () => {
  it("keep everything until something is left out", () => {
    const filters = new Filters();
    expect([filters.isNarrow(MACHINES), filters.looks(MACHINES), filters.expression(PLANTS)]).toEqual([false, ALL_LOOKS, null]);
    filters.choose(MACHINES, MACHINES.filters[0], 1, false);
    expect(filters.looks(MACHINES)).toBe(ALL_LOOKS & ~(1 << LOOKS.indexOf("working")));
    filters.choose(MACHINES, MACHINES.filters[0], "silent", false);
    expect((filters.looks(MACHINES) >> LOOKS.indexOf("silent")) & 1).toBe(0);
    filters.choose(MACHINES, MACHINES.filters[0], 1, true);
    filters.choose(MACHINES, MACHINES.filters[0], "silent", true);
    expect(filters.isNarrow(MACHINES)).toBe(false);
  });

  it("sift counts by state and district alike", () => {
    const filters = new Filters();
    const all = statistics(["w", 0, [0], 3], ["w", 1, [1], 4], ["e", "silent", ["silent"], 5], ["e", "unknown", ["unknown"], 2]);
    expect(filters.sift(MACHINES, all)).toBe(all);
    filters.choose(MACHINES, MACHINES.filters[0], 0, false);
    const kept = filters.sift(MACHINES, all);
    expect(kept.total).toBe(9);
    expect(Object.fromEntries(kept.state.map(({ value, count }) => [value, count]))).toEqual({ 0: 0, 1: 4, silent: 5, unknown: 0 });
    expect(Object.fromEntries(kept.district.map(({ value, count }) => [value, count]))).toEqual({ w: 4, e: 5 });
  });

  it("count choices among what the other filters keep", () => {
    const filters = new Filters();
    const [hazard, open] = PLANTS.filters;
    const all = statistics(["w", "1", ["1", true], 1], ["w", "1", ["1", false], 2], ["w", "2", ["2", false], 4]);
    filters.choose(PLANTS, open, true, false);
    expect(filters.countOf(PLANTS, hazard, "1", all)).toBe(2);
    filters.choose(PLANTS, hazard, "2", false);
    expect(filters.countOf(PLANTS, hazard, "2", all)).toBe(4);
    expect(filters.expression(PLANTS)).toEqual([
      "all", ["in", ["get", "open"], ["literal", [false]]], ["in", ["get", "hazard"], ["literal", ["1", ""]]],
    ]);
  });

  it("are remembered, as far as there still are such layers and values", () => {
    const filters = new Filters();
    filters.choose(PLANTS, PLANTS.filters[0], "1", false);
    const remembered = JSON.parse(JSON.stringify(filters.remembered())) as ReturnType<Filters["remembered"]>;
    const again = new Filters();
    again.recall([MACHINES, PLANTS], { ...remembered, "gone.layer": { x: [1] }, "a.machines": { status: [77], nothing: [1] } });
    expect(again.remembered()).toEqual(remembered);
    again.recall([PLANTS], { "b.plants": { hazard: ["1", "never"] } });
    expect(again.keeps(PLANTS, "hazard", "2")).toBe(false);
    again.recall([PLANTS], { "b.plants": { hazard: "rubbish" as never } });
    expect(again.isNarrow(PLANTS)).toBe(false);
  });
});

describe("memory", () => {
  it("is one user's, and survives rubbish", () => {
    const kept = new Map<string, string>();
    const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, text: string) => void kept.set(key, text) };
    new Memory(1, storage).write({ layers: { a: false }, filters: { b: { c: [1] } }, isTrailing: true });
    expect(new Memory(1, storage).read()).toEqual({ layers: { a: false }, filters: { b: { c: [1] } }, isTrailing: true });
    expect(new Memory(2, storage).read().layers).toEqual({});
    for (const rubbish of ["{", "[]", "7", '{"layers":[1],"filters":7}', '{"layers":{"a":"yes"},"filters":{"b":3}}']) {
      kept.set("sandtable.screen/1", rubbish);
      expect(new Memory(1, storage).read()).toEqual({ layers: {}, filters: {}, isTrailing: false });
    }
  });
});

describe("sieve", () => {
  it("lets through what is kept, in cells as well", () => {
    const sieve = new Sieve();
    const given = cells({ kind: 1, total: 10, working: 3, alert: 1, silent: 2, off: 1 }, { kind: 2, total: 5 });
    expect(sieve.cells(given)).toBe(given);
    sieve.keep(1, 1 << LOOKS.indexOf("idle"));
    expect([...sieve.cells(given).total]).toEqual([3, 5]);
    const some = narrowed(given, () => (1 << LOOKS.indexOf("working")) | (1 << LOOKS.indexOf("off")));
    expect([[...some.total], [...some.working], [...some.silent]]).toEqual([[4, 0], [3, 0], [0, 0]]);
    sieve.keep(1, ALL_LOOKS);
    expect(sieve.isOpen).toBe(true);
  });
});

it("names what a number counts", () => {
  expect(targetOf(MACHINES, "x", "status", "silent")).toMatchObject({ type: "things", look: "silent", kinds: new Set([1]) });
  expect(targetOf(MACHINES, "x", "status", 1)).toMatchObject({ look: "working" });
  expect(targetOf(MACHINES, "x")).toMatchObject({ look: null });
  expect(targetOf(PLANTS, "x", "hazard", "")).toMatchObject({ type: "features", field: "hazard", value: "" });
});

describe("trails", () => {
  const appearance = { colours: new Uint8ClampedArray(20).fill(9), icons: new Float32Array(70) };
  const store = new KindStore(60, appearance);
  const at = (id: number, lon: number, time_ms: number, more: object = {}) => assets({ id, lon, time_ms, ...more });

  it("grow by pieces where something moved, and break where nobody knows the way", () => {
    const trails = new Trails(0);
    const take = (...given: Parameters<typeof at>): void => trails.take(at(...given), () => store);
    take(1, 121.5, 0);
    take(1, 121.5001, 1000);
    expect(trails.pieces().length).toBe(0);
    take(1, 121.501, 5000);
    expect([trails.pieces().length, [...trails.pieces().times]]).toEqual([1, [5]]);
    expect(trails.pieces()).toBe(trails.pieces());
    take(1, 121.501, 10_000);
    take(1, 121.502, 200_000);
    take(1, 121.9, 205_000);
    expect(trails.pieces().length).toBe(1);
    take(1, 121.901, 210_000);
    expect([...trails.pieces().from].map((n) => n.toFixed(3))).toEqual(["121.500", "31.200", "121.900", "31.200"]);
    take(1, 0, 0, { left: true });
    take(1, 121.902, 215_000);
    expect(trails.pieces().length).toBe(2);
  });

  it("never take more room than they may", () => {
    const trails = new Trails(0, 8);
    for (let i = 0; i < 20; i++) trails.take(at(1, 121 + i / 1000, i * 5000), () => store);
    expect(trails.pieces().length).toBe(8);
    expect(Math.max(...trails.pieces().times)).toBe(95);
    trails.clear(0);
    expect([trails.pieces().length, trails.pieces().from.buffer.byteLength]).toEqual([0, 0]);
  });

  it("are kept of wanted kinds alone", () => {
    const trails = new Trails(0);
    for (let i = 0; i < 3; i++) trails.take(at(1, 121 + i / 1000, i * 5000, { kind: 2 }), (kind) => (kind === 1 ? store : undefined));
    expect(trails.pieces().length).toBe(0);
  });
});

it("knows when the city's day began", () => {
  const clock = new Clock("zh-hans", "Asia/Shanghai");
  clock.hear(Date.parse("2026-11-21T15:59:59Z"));
  expect(Math.abs(clock.midnight() - Date.parse("2026-11-20T16:00:00Z"))).toBeLessThan(1500);
  clock.hear(Date.parse("2026-11-21T16:00:05Z"));
  expect(Math.abs(clock.midnight() - Date.parse("2026-11-21T16:00:00Z"))).toBeLessThan(1500);
});
