import { beforeEach, describe, expect, it } from "vitest";
import { Fleet } from "../src/live/fleet";
import type { Kind } from "../src/live/messages";
import { ICON_SIZE, LOOKS } from "../src/live/store";
import { assets } from "./columns";

const KINDS: Kind[] = [
  { key: "a", code: 1, name: "甲", glyph: "dot", silent_after_s: 60 },
  { key: "b", code: 2, name: "乙", glyph: "dot", silent_after_s: 10 },
];
const appearance = {
  colours: Uint8ClampedArray.from(LOOKS.flatMap((_, look) => [look, look, look, 255])),
  icons: Float32Array.from({ length: LOOKS.length * 2 * ICON_SIZE }, (_, i) => Math.floor(i / ICON_SIZE)),
};

let clock_ms: number;
let fleet: Fleet;

beforeEach(() => {
  clock_ms = 0;
  fleet = new Fleet(() => clock_ms);
  fleet.declare(KINDS, () => appearance);
});

function store(code = 1) {
  const found = fleet.stores.get(code);
  if (found === undefined) throw new Error(`kind ${code}`);
  return found;
}

describe("slots", () => {
  it("keeps a thing's slot and its arrays while it moves", () => {
    fleet.apply(assets({ id: 7 }, { id: 8, lon: 121.6 }), 0);
    const { positions } = store();
    fleet.apply(assets({ id: 7, lon: 121.501 }), 0);
    expect(store().positions).toBe(positions);
    expect([...positions.subarray(0, 4)]).toEqual([121.501, 31.2, 121.6, 31.2]);
  });

  it("fills a removed thing's slot with the last one, all columns", () => {
    fleet.apply(assets({ id: 1 }, { id: 2 }, { id: 3, lon: 121.7, status: 2, heading_deg: 90, speed_m_s: 4, alt_m: 9 }), 0);
    fleet.apply(assets({ id: 1, left: true }), 0);
    expect(fleet.count()).toBe(2);
    expect(fleet.find(1)).toBeNull();
    expect(store().slotOf(3)).toBe(0);
    expect(fleet.find(3)).toMatchObject({ lon: 121.7, status: 2, look: "alert", heading_deg: 90, speed_m_s: 4, alt_m: 9 });
    expect(store().colours[0]).toBe(LOOKS.indexOf("alert"));
    expect(store().icons[0]).toBe(LOOKS.indexOf("alert") * 2 + 1);
    expect(store().angles[0]).toBe(-90);
    expect([...store().counts]).toEqual([0, 1, 1, 0, 0]);
  });

  it("removes the last and only thing, and takes new ones after", () => {
    fleet.apply(assets({ id: 1 }), 0);
    fleet.apply(assets({ id: 1, left: true }, { id: 99, left: true }), 0);
    expect(fleet.count()).toBe(0);
    fleet.apply(assets({ id: 5 }), 0);
    expect(fleet.find(5)?.lon).toBe(121.5);
  });

  it("grows by doubling and loses nothing", () => {
    const rows = Array.from({ length: 1000 }, (_, i) => ({ id: i + 1, lon: 120 + i / 1000, kind: 2 }));
    fleet.apply(assets(...rows), 0);
    expect(store(2).ids.length).toBe(1024);
    expect(fleet.find(1)?.lon).toBe(120);
    expect(fleet.find(1000)?.lon).toBe(120.999);
    expect(store(2).binary().attributes.getPosition.value.length).toBe(2000);
  });

  it("skips kinds nobody declared", () => {
    fleet.apply(assets({ id: 1, kind: 9 }), 0);
    expect(fleet.count()).toBe(0);
  });
});

describe("what travels to the GPU", () => {
  it("is only what changed", () => {
    fleet.apply(assets({ id: 1 }), 0);
    const first = store().binary().attributes;
    expect(store().binary().attributes).toEqual(first);
    for (const name of Object.keys(first)) expect(store().binary().attributes[name]).toBe(first[name]);
    fleet.apply(assets({ id: 1, lon: 121.5001 }), 0);
    const second = store().binary().attributes;
    expect(second.getPosition).not.toBe(first.getPosition);
    expect(second.getColor).toBe(first.getColor);
    fleet.apply(assets({ id: 1, lon: 121.5001, status: 2 }), 0);
    const third = store().binary().attributes;
    expect(third.getPosition).toBe(second.getPosition);
    expect(third.getColor).not.toBe(second.getColor);
  });

  it("is a copy of some rows when some are asked for", () => {
    fleet.apply(assets({ id: 1 }, { id: 2, lon: 121.9, status: 2 }, { id: 3, lon: 121.7 }), 0);
    const { length, attributes } = store().some([2, 1]);
    expect(length).toBe(2);
    expect([...attributes.getPosition.value]).toEqual([121.7, 31.2, 121.9, 31.2]);
    expect(attributes.getColor.value[4]).toBe(LOOKS.indexOf("alert"));
    expect(attributes.instanceIconDefs.value[ICON_SIZE]).toBe(LOOKS.indexOf("alert") * 2);
  });
});

describe("silence", () => {
  it("comes with age, by kind, and goes with a report", () => {
    fleet.apply(assets({ id: 1, time_ms: 0 }, { id: 2, kind: 2, time_ms: 0 }), 0);
    expect(fleet.age(11_000)).toBe(true);
    expect(fleet.find(1)?.look).toBe("working");
    expect(fleet.find(2)?.look).toBe("silent");
    expect(fleet.age(12_000)).toBe(false);
    fleet.apply(assets({ id: 2, kind: 2, time_ms: 12_000 }), 12_000);
    expect(fleet.find(2)?.look).toBe("working");
    expect([...store(2).counts]).toEqual([0, 1, 0, 0, 0]);
  });

  it("never hides an alert, and is not said of what is switched off", () => {
    fleet.apply(assets({ id: 1, status: 2 }, { id: 2, status: 3 }, { id: 3, status: 0 }), 0);
    fleet.age(1e6);
    expect([1, 2, 3].map((id) => fleet.find(id)?.look)).toEqual(["alert", "off", "silent"]);
  });

  it("is judged at arrival, too: a late report is old", () => {
    fleet.apply(assets({ id: 1, time_ms: 0 }), 100_000);
    expect(fleet.find(1)?.look).toBe("silent");
  });
});

describe("gliding", () => {
  it("starts from where a thing is drawn and ends where it was reported", () => {
    fleet.apply(assets({ id: 1 }), 0);
    expect(fleet.gliding()).toBe(0);
    clock_ms = 1000;
    fleet.apply(assets({ id: 1, lon: 121.501 }), 0);
    expect(fleet.gliding()).toBeCloseTo(0.001, 9);
    // Half-way through, the next report: the glide continues from the middle.
    clock_ms = 1500;
    fleet.apply(assets({ id: 1, lon: 121.502 }), 0);
    expect(store().glides[0]).toBeCloseTo(121.5005 - 121.502, 6);
    clock_ms = 2600;
    expect(fleet.gliding()).toBe(0);
  });

  it("does not restart when the same place is reported again", () => {
    fleet.apply(assets({ id: 1 }), 0);
    clock_ms = 1000;
    fleet.apply(assets({ id: 1, lon: 121.501 }), 0);
    const start = store().glides[2];
    clock_ms = 1900;
    fleet.apply(assets({ id: 1, lon: 121.501 }), 0);
    expect(store().glides[2]).toBe(start);
  });

  it("is left out for a jump, for a new thing, and for those who want less motion", () => {
    fleet.apply(assets({ id: 1 }), 0);
    fleet.apply(assets({ id: 1, lon: 122.5 }), 0);
    expect(fleet.gliding()).toBe(0);
    fleet.glides = false;
    fleet.apply(assets({ id: 1, lon: 122.501 }), 0);
    expect(fleet.gliding()).toBe(0);
    expect(store().glides[0]).toBe(0);
  });

  it("goes on over the start of a new glide clock", () => {
    fleet.apply(assets({ id: 1 }), 0);
    clock_ms = 700_000;
    fleet.apply(assets({ id: 1, lon: 121.501 }), 0);
    clock_ms = 700_400;
    fleet.age(0);
    expect(fleet.clock()).toBe(0);
    expect(store().glides[2]).toBeCloseTo(-0.4, 3);
    expect(fleet.gliding()).toBeGreaterThan(0);
    clock_ms = 701_100;
    expect(fleet.gliding()).toBe(0);
  });
});

it("forgets everything on reset", () => {
  fleet.apply(assets({ id: 1 }, { id: 2, kind: 2 }), 0);
  fleet.clear();
  expect(fleet.count()).toBe(0);
  expect(fleet.find(1)).toBeNull();
  expect([...store().counts]).toEqual([0, 0, 0, 0, 0]);
});
