import { describe, expect, it, vi } from "vitest";
import { areaText, arrowHead, centreOf, dashes, lengthOf, lengthText, middleOf, thinned } from "../src/annotate/measure";
import type { Listed } from "../src/annotate/api";
import { PastAnnotations } from "../src/annotate/past";
import { PresentAnnotations } from "../src/annotate/present";
import { type Annotation, type LonLat, type Stroke, draftOf, newDraft } from "../src/annotate/records";
import { STROKE_MS, Store } from "../src/annotate/store";
import { type Box, Window, boxText } from "../src/annotate/window";
import { Clock } from "../src/time";

const HERE: LonLat = [121.47, 31.23];
const EAST: LonLat = [121.48, 31.23];

function annotation(id: number, version = 1, title = ""): Annotation {
  return {
    ...newDraft("point"), id, version, title, shape: { type: "Point", coordinates: HERE }, happened_at: "2026-11-21T00:00:00Z",
    length_m: null, area_m2: null, copied_from: null, locked: false, hidden: false, author: null, changed_by: null,
  };
}

const stroke = (id: number, points: LonLat[]): Stroke => ({ id, kind: "line", points, author: { id: 1, name: "甲" } });

describe("what belongs on the map", () => {
  it("is never an older version than is here, and of a past moment what was there", () => {
    const store = new Store();
    store.put(annotation(1, 3, "新"));
    store.put(annotation(1, 2, "旧"));
    expect(store.find(1)?.title).toBe("新");
    store.travel([annotation(1, 1, "当时")]);
    store.put(annotation(2));
    expect(store.shown.map(({ title }) => title)).toEqual(["当时"]);
    store.travel(null);
    expect(store.shown.map(({ id }) => id)).toEqual([2, 1]);
    store.drop(2);
    expect(store.shown).toHaveLength(1);
  });

  it("holds a stroke until it ends, goes silent, or the past is shown", () => {
    let now = 0;
    const store = new Store(() => now);
    store.draws(stroke(7, [HERE]));
    store.draws(stroke(8, [HERE, EAST]));
    expect(store.strokes).toHaveLength(2);
    store.draws(stroke(7, []));
    expect(store.strokes.map(({ id }) => id)).toEqual([8]);
    store.travel([]);
    expect(store.strokes).toEqual([]);
    store.travel(null);
    expect(store.sweep()).toBe(false);
    now = STROKE_MS;
    expect(store.strokes).toEqual([]);
    expect(store.sweep()).toBe(true);
  });
});

describe("the part of the map that is read", () => {
  it("has room around the view, and is read anew beyond it or, where it was not whole, closer by", () => {
    const window = new Window();
    expect(window.wanted([121, 31, 122, 32])).toEqual([120.5, 30.5, 122.5, 32.5]);
    window.holds([120.5, 30.5, 122.5, 32.5], true);
    expect(window.wanted([120.6, 30.6, 121.6, 31.6])).toBeNull();
    expect(window.wanted([121.4, 31.4, 121.5, 31.5])).toBeNull();
    expect(window.wanted([121.8, 31, 122.8, 32])).not.toBeNull();
    window.holds([120.5, 30.5, 122.5, 32.5], false);
    expect(window.wanted([121, 31, 122, 32])).toBeNull();
    expect(window.wanted([121.2, 31.2, 121.6, 31.6])).not.toBeNull();
    expect(boxText([121, 31, 122, 32.5])).toBe("121.000000,31.000000,122.000000,32.500000");
  });

  it("holds what was told while it was read", async () => {
    const store = new Store();
    store.put(annotation(9));
    let answer: (listed: Listed) => void = () => undefined;
    const read: number[] = [];
    const present = new PresentAnnotations(store, {
      view: () => [121, 31, 122, 32],
      question: () => ({}),
      ask: () => new Promise((resolve) => (answer = resolve)),
      onRead: ({ count }) => read.push(count),
      onFailed: (error) => expect(error).toBeUndefined(),
    });
    await present.read(true);
    present.isTold = true;
    const reading = present.read(true);
    store.put(annotation(1, 2, "说了"));
    store.put(annotation(2));
    store.drop(3);
    answer({ annotations: [annotation(1, 1, "读到"), annotation(3), annotation(4)], count: 3, truncated: false });
    await reading;
    expect(store.shown.map(({ id, title }) => [id, title])).toEqual([[4, ""], [2, ""], [1, "说了"]]);
    await present.read(false);
    expect(read).toEqual([3]);
  });
});

describe("the annotations of a moment", () => {
  it("are asked for only where something changed in between, or the view moved on", async () => {
    const asked: number[] = [];
    let view: Box = [121, 31, 122, 32];
    const shown: (string | null)[] = [];
    const past = new PastAnnotations(
      () => view,
      (at) => {
        asked.push(at);
        return Promise.resolve({ annotations: [annotation(1, 1, String(at))], count: 1, truncated: false, since: at < 100 ? null : 100, until: at < 100 ? 99 : 200 });
      },
      (found) => shown.push(found === null ? null : found.annotations[0].title),
      () => undefined,
    );
    for (const at of [10, 20, 99, 150, 180]) {
      past.go(at);
      await vi.waitFor(() => expect(shown.at(-1)).not.toBeUndefined());
      await Promise.resolve();
      await Promise.resolve();
    }
    view = [123, 31, 124, 32];
    past.moved();
    await vi.waitFor(() => expect(shown).toHaveLength(3));
    past.go(null);
    past.go(null);
    expect(asked).toEqual([10, 150, 180]);
    expect(shown).toEqual(["10", "150", "180", null]);
  });
});

describe("what is drawn", () => {
  it("is measured", () => {
    expect(lengthOf([HERE, EAST])).toBeCloseTo(950.8, 0);
    expect([lengthText(951), lengthText(12_345), areaText(99), areaText(34_200), areaText(12_600_000)]).toEqual([
      "951 m", "12.35 km", "99 m²", "3.42 公顷", "12.60 km²",
    ]);
    expect(middleOf([HERE, EAST])[0]).toBeCloseTo(121.475, 6);
    expect(centreOf([HERE, EAST, [121.48, 31.24], [121.47, 31.24], HERE])).toEqual([expect.closeTo(121.475, 6), expect.closeTo(31.235, 6)]);
  });

  it("is cut into dashes that together are as long as they should be, and not too many", () => {
    const pieces = dashes([HERE, EAST, HERE], 30, 10);
    expect(pieces.reduce((sum, piece) => sum + lengthOf(piece), 0)).toBeCloseTo(1901.6 * 0.75, -1.5);
    expect(dashes([HERE, [122.47, 31.23]], 1, 1).length).toBeLessThanOrEqual(301);
  });

  it("ends in an arrow's head that points where the line goes, whatever its last wiggle", () => {
    const head = arrowHead([HERE, EAST, [121.47999, 31.23001]], 100);
    expect(head).not.toBeNull();
    const [left, tip, right] = head ?? [];
    expect(tip[0]).toBeCloseTo(121.48, 4);
    expect(left[0]).toBeLessThan(tip[0]);
    expect(right[0]).toBeLessThan(tip[0]);
    expect((left[1] - tip[1]) * (right[1] - tip[1])).toBeLessThan(0);
    expect(arrowHead([HERE, HERE], 100)).toBeNull();
  });

  it("is thinned with both its ends", () => {
    const many = Array.from({ length: 1000 }, (_, i): LonLat => [121 + i / 1e4, 31]);
    const few = thinned(many, 250);
    expect([few.length, few[0], few[249]]).toEqual([250, many[0], many[999]]);
    expect(thinned(many.slice(0, 3), 250)).toHaveLength(3);
  });
});

it("a form's field has the city's time, wherever the screen stands", () => {
  const clock = new Clock("zh-hans", "Asia/Shanghai");
  const at = Date.parse("2026-11-20T16:03:00Z");
  expect(clock.field(at)).toBe("2026-11-21T00:03");
  expect(clock.fromField("2026-11-21T00:03")).toBe(at);
});

it("what changes an annotation is the annotation, with its version", () => {
  const whole = { ...annotation(5, 9, "名"), may: { edit: true, manage: false } };
  expect(draftOf(whole)).toMatchObject({ id: 5, version: 9, title: "名", organizations: [] });
});
