import { describe, expect, it, vi } from "vitest";
import { type Alert, AlertBook, type AlertState, type Grade, isIn } from "../src/screen/alerts";
import { districtOpacity, mix, paintExpression } from "../src/screen/ground";
import type { Statistics } from "../src/screen/layerinfo";
import { atOnePlace } from "../src/screen/marks";
import { shadesOf, shareOf } from "../src/screen/shades";
import { sumLooks } from "../src/screen/tree";

vi.mock("maplibre-gl", () => ({}));

let ids = 0;

function alert(given: Partial<Alert> = {}): Alert {
  ids++;
  return {
    id: ids, step: 1, rule: "hotwork.key_area", grade: 2, grade_name: "", state: "raised", title: "", advice: "", sound: true,
    subject: "", asset: null, area: null, owner: null, region: { id: 1, name: "", code: "310115" }, lon: 121, lat: 31,
    raised_at: new Date(1_700_000_000_000 + ids * 1000).toISOString(), cause_ended_at: null, due_at: null, escalated_at: null,
    assigned_to: null, feedback: "", group: `group ${ids}`, evidence: [], ...given,
  };
}

describe("alert book", () => {
  it("keeps the newest on top, forgets what is closed and does not go back in time", () => {
    const book = new AlertBook();
    const old = alert();
    const young = alert();
    book.load([old, young], false);
    expect(book.list().map(({ id }) => id)).toEqual([young.id, old.id]);
    const at = (state: AlertState, step: number): boolean => book.take({ ...old, state, step });
    expect(at("acknowledged", 3)).toBe(false);
    at("raised", 2);
    expect(book.get(old.id)?.state).toBe("acknowledged");
    at("closed", 4);
    expect(book.list().map(({ id }) => id)).toEqual([young.id]);
    expect(book.take(alert())).toBe(true);
    expect(book.take(alert({ state: "closed" }))).toBe(false);
  });

  it("gathers what is one cause, with its gravest grade", () => {
    const book = new AlertBook();
    const grades: Grade[] = [3, 1, 4];
    book.load([...grades.map((grade) => alert({ grade, group: "one" })), alert()], false);
    const groups = book.groups(book.list());
    expect(groups.map(({ grade, alerts }) => [grade, alerts.length])).toEqual([[2, 1], [1, 3]]);
    expect(book.counts()).toEqual({ 1: 1, 2: 1, 3: 1, 4: 1 });
  });

  it("looks into a district, its streets included", () => {
    const street = alert({ region: { id: 2, name: "", code: "310115004" } });
    expect(isIn(street, "310115")).toBe(true);
    expect(isIn(street, "310101")).toBe(false);
    expect(isIn(alert({ region: null }), "310101")).toBe(false);
    expect(isIn(alert({ region: null }), "")).toBe(true);
  });
});

describe("marks", () => {
  it("puts one mark where several alerts are about one thing: what waits comes before what is graver", () => {
    const asset = { id: 7, name: "", kind: "machine", kind_name: "", code: "" };
    const book = new AlertBook();
    book.load([alert({ asset, grade: 1, state: "disposed" }), alert({ asset, grade: 4 }), alert({ lon: 122 })], false);
    const marks = atOnePlace(book.groups(book.list()));
    expect(marks.map(({ grade, alerts }) => [grade, alerts.length])).toEqual([[2, 1], [4, 2]]);
  });
});

describe("ground", () => {
  it("mixes colours", () => {
    expect(mix("#000000", "#ffffff", 0)).toBe("#000000");
    expect(mix("#000000", "#ffffff", 1)).toBe("#ffffff");
    expect(mix("#0b1220", "#8fa3bf", 0.5)).toBe("#4d5b70");
  });

  it("colours by a field, of any type", () => {
    const name = (token: string): string => `<${token}>`;
    expect(paintExpression("accent", name)).toBe("<accent>");
    const paint = { by: "hazard", colours: [{ value: "1", colour: "grade-red" }, { value: true, colour: "quiet" }], other: "line" };
    expect(paintExpression(paint, name)).toEqual([
      "case", ["==", ["get", "hazard"], "1"], "<grade-red>", ["==", ["get", "hazard"], true], "<quiet>", "<line>",
    ]);
  });

  it("fills districts by where their count stands among the others", () => {
    expect(districtOpacity(new Map([["310101", 5], ["310115", 10]]), 0.6)).toEqual([
      "match", ["get", "code"], "310101", 0.09, "310115", 0.6, 0,
    ]);
    expect(districtOpacity(new Map(), 0.6)).toBe(0);
    // Sixteen districts that hardly differ, as in the demo city; none at all has no colour.
    const shades = shadesOf([6, 7, 7, 7, 8, 8, 9, 9, 9, 10, 10, 11, 11, 12, 12, 40, 0]);
    expect(shades.map(({ low, high }) => [low, high])).toEqual([[6, 7], [8, 9], [10, 11], [12, 12], [40, 40]]);
    expect(shadesOf([8, 9, 12, 12, 12, 10, 12]).map(({ low, high }) => [low, high])).toEqual([[8, 8], [9, 9], [10, 10], [12, 12]]);
    expect([0, 7, 11, 40].map((count) => Number(shareOf(count, shades).toFixed(4)))).toEqual([0, 0.15, 0.575, 1]);
    expect(districtOpacity(new Map([["310101", 0]]), 0.6)).toBe(0);
  });
});

it("sums counts by state over layers; what was never heard of has no look", () => {
  const counts = (...state: [number | string, number][]): Statistics => ({
    id: "", total: 0, kind: [], district: [], parts: [], as_of: "", state: state.map(([value, count]) => ({ value, title: "", count })),
  });
  expect(sumLooks([counts([0, 3], [1, 4], ["silent", 1]), counts([1, 2], ["unknown", 9], [3, 5])])).toEqual({
    idle: 3, working: 6, alert: 0, off: 5, silent: 1,
  });
});
