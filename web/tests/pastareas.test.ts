import { expect, test } from "vitest";
import { PastAreas } from "../src/screen/past/areas";

/** Areas changed at 100 and at 200; the present is 300. */
function machine() {
  const asked: number[] = [];
  const shown: (number | null)[] = [];
  const failed: unknown[] = [];
  const areas = new PastAreas(
    async (at) => {
      asked.push(at);
      if (at < 0) throw new Error("broken");
      if (at < 100) return { since: null, until: 99 };
      return at < 200 ? { since: 100, until: 199 } : { since: 200, until: 300 };
    },
    (at) => shown.push(at),
    (error) => failed.push(error),
  );
  return { areas, asked, shown, failed };
}

test("asks again only where an area changed in between", async () => {
  const { areas, asked, shown } = machine();
  for (const moment of [50, 60, 120, 130, 250, 150]) await areas.go(moment);
  expect(asked).toEqual([50, 120, 250, 150]);
  expect(shown).toEqual([0, 100, 200, 100]);
  areas.present();
  expect(shown.at(-1)).toBeNull();
});

test("a moment that moved on while an answer was under way is not forgotten", async () => {
  const { areas, shown } = machine();
  const first = areas.go(50);
  await areas.go(250);
  await first;
  expect(shown).toEqual([0, 200]);
});

test("an answer for a past that was left draws nothing", async () => {
  const { areas, shown } = machine();
  const first = areas.go(50);
  areas.present();
  await first;
  expect(shown).toEqual([]);
});

test("what fails is told, and the next moment is asked for all the same", async () => {
  const { areas, shown, failed } = machine();
  await areas.go(-1);
  expect(failed).toHaveLength(1);
  await areas.go(120);
  expect(shown).toEqual([100]);
});
