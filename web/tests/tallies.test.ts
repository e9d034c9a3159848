import { expect, it } from "vitest";
import { Fleet } from "../src/live/fleet";
import { ICON_SIZE, LOOKS } from "../src/live/store";
import { tallies } from "../src/live/tallies";
import { assets, cells } from "./columns";

it("counts things that came one by one, or the server's cells in their place", () => {
  const fleet = new Fleet(() => 0);
  fleet.declare([{ key: "a", code: 1, name: "甲", glyph: "dot", silent_after_s: 60 }], () => ({
    colours: new Uint8ClampedArray(LOOKS.length * 4),
    icons: new Float32Array(LOOKS.length * 2 * ICON_SIZE),
  }));
  fleet.apply(assets({ id: 1 }, { id: 2, status: 0 }, { id: 3, status: 2 }, { id: 4, status: 3 }), 0);
  expect(tallies(fleet, null).get(1)).toEqual({ total: 4, working: 1, calm: 2, alert: 1, silent: 0 });
  const given = cells(
    { kind: 1, total: 10, working: 4, alert: 1, silent: 2 },
    { kind: 1, total: 5, working: 5 },
    { kind: 2, total: 9 },
  );
  expect(tallies(fleet, given).get(1)).toEqual({ total: 15, working: 9, calm: 3, alert: 1, silent: 2 });
});
