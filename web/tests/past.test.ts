import { describe, expect, it, vi } from "vitest";
import type { AssetColumns } from "../src/live/frames";
import { fromField, toField } from "../src/screen/past/mapclock";
import { Player, type Sink, type Source, replayed } from "../src/screen/past/player";
import { type Chunk, SPEEDS, after, noRows, portion, slice } from "../src/screen/past/rows";
import { MINUTE_MS, windowOf } from "../src/screen/past/window";
import { assets } from "./columns";

const NOW = 1_700_000_000_000;
const HOUR = 60 * MINUTE_MS;

function rows(...times: number[]): AssetColumns {
  return assets(...times.map((time_ms, i) => ({ id: i + 1, time_ms })));
}

/** A history with a row each second, told in whole; how it was asked is noted. */
class History implements Source {
  readonly asked: string[] = [];
  fails = false;

  async state(at: number): Promise<AssetColumns> {
    this.asked.push(`state ${at - NOW}`);
    if (this.fails) throw new Error("no");
    return rows(at - 500);
  }

  async rows(from: number, to: number, cell_s: number): Promise<Chunk> {
    this.asked.push(`rows ${from - NOW} ${to - NOW} ${cell_s}`);
    if (this.fails) throw new Error("no");
    const times = [];
    for (let time = from + 1000; time <= to; time += 1000) times.push(time);
    return { from, to, columns: rows(...times), cell_s };
  }
}

function player(): { history: History; player: Player; sink: Sink & { shown: number[] } } {
  const history = new History();
  const sink = {
    shown: [] as number[],
    show: (columns: AssetColumns) => sink.shown.push(...columns.time_ms),
    changed: vi.fn(),
    failed: vi.fn(),
    arrived: vi.fn(),
  };
  return { history, sink, player: new Player(history, sink, () => NOW) };
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe("rows of the past", () => {
  it("finds the first row after a moment", () => {
    const columns = rows(10, 20, 20, 30);
    expect([5, 10, 19, 20, 30, 40].map((moment) => after(columns, moment))).toEqual([0, 1, 1, 3, 4, 4]);
    expect(after(noRows(), 5)).toBe(0);
  });

  it("takes a part without copying", () => {
    const columns = rows(10, 20, 30);
    const part = slice(columns, 1, 3);
    expect(part.length).toBe(2);
    expect([...part.time_ms]).toEqual([20, 30]);
    expect(part.time_ms.buffer).toBe(columns.time_ms.buffer);
  });

  it("asks for less often and coarser the faster it plays", () => {
    const portions = SPEEDS.map(portion);
    expect(portions.map(({ cell_s }) => cell_s)).toEqual([...portions.map(({ cell_s }) => cell_s)].sort((a, b) => a - b));
    SPEEDS.forEach((speed, i) => {
      const played_s = portions[i].span_ms / 1000 / speed;
      expect(played_s).toBeGreaterThanOrEqual(speed === 600 ? 6 : 10); // an hour is the most that is answered
      expect(portions[i].span_ms).toBeLessThanOrEqual(HOUR);
    });
  });
});

describe("player", () => {
  it("shows a whole picture, then what happened after it, at its speed", async () => {
    const { player: p, history, sink } = player();
    await p.seek(NOW - HOUR);
    expect(history.asked).toEqual([`state ${-HOUR}`]);
    expect(sink.shown).toEqual([NOW - HOUR - 500]);
    p.hurry(60);
    p.play(true);
    await settle();
    expect(history.asked[1]).toBe(`rows ${-HOUR} ${-HOUR + 600_000} 15`);
    sink.shown.length = 0;
    p.tick(250);
    expect(p.moment).toBe(NOW - HOUR + 15_000);
    expect(sink.shown.length).toBe(15);
    p.tick(250);
    expect(sink.shown.at(-1)).toBe(NOW - HOUR + 30_000);
    expect(new Set(sink.shown).size).toBe(sink.shown.length);
  });

  it("stands while paused and waits for rows that are not here", async () => {
    const { player: p, sink } = player();
    await p.seek(NOW - HOUR);
    p.tick(1000);
    expect(p.moment).toBe(NOW - HOUR);
    p.play(true);
    p.tick(1000);
    expect([p.moment, p.isWaiting]).toEqual([NOW - HOUR, true]);
    await settle();
    p.tick(100);
    expect([p.moment, p.isWaiting]).toEqual([NOW - HOUR + 1000, false]);
    expect(sink.failed).not.toHaveBeenCalled();
  });

  it("reads ahead before the rows run out, and leaves none out between portions", async () => {
    const { player: p, history, sink } = player();
    await p.seek(NOW - HOUR);
    sink.shown.length = 0;
    p.play(true);
    for (let i = 0; i < 200; i++) {
      await settle();
      p.tick(100);
    }
    expect(p.moment).toBe(NOW - HOUR + 200_000);
    expect(sink.shown).toEqual(Array.from({ length: 200 }, (_, i) => NOW - HOUR + (i + 1) * 1000));
    expect(history.asked.filter((asked) => asked.startsWith("rows")).length).toBe(3);
  });

  it("arrives at the present and stops there", async () => {
    const { player: p, sink, history } = player();
    await p.seek(NOW - 10_000);
    p.play(true);
    await settle();
    expect(history.asked.at(-1)).toBe("rows -10000 0 2");
    for (let i = 0; i < 10; i++) p.tick(250);
    expect(sink.arrived).toHaveBeenCalledTimes(1);
    expect(p.isPlaying).toBe(false);
  });

  it("reads anew at another speed, and forgets what it asked before", async () => {
    const { player: p, history } = player();
    await p.seek(NOW - HOUR);
    p.play(true);
    await settle();
    p.hurry(300);
    p.tick(250);
    expect(p.isWaiting).toBe(true);
    await settle();
    expect(history.asked.at(-1)).toBe(`rows ${-HOUR} ${-HOUR + 3_000_000} 60`);
  });

  it("keeps the last of many moments", async () => {
    const { player: p, sink } = player();
    const first = p.seek(NOW - HOUR);
    const second = p.seek(NOW - 2 * HOUR);
    await Promise.all([first, second]);
    expect(sink.shown).toEqual([NOW - 2 * HOUR - 500]);
    expect(p.isSeeking).toBe(false);
  });

  it("says what went wrong and stops", async () => {
    const { player: p, history, sink } = player();
    history.fails = true;
    await p.seek(NOW - HOUR);
    expect(sink.failed).toHaveBeenCalledWith(expect.anything(), true);
    history.fails = false;
    await p.seek(NOW - HOUR);
    history.fails = true;
    p.play(true);
    await settle();
    expect(sink.failed).toHaveBeenLastCalledWith(expect.anything(), false);
    expect([p.isPlaying, p.isWaiting]).toEqual([false, false]);
  });

  it("never goes beyond now", async () => {
    const { player: p } = player();
    await p.seek(NOW + HOUR);
    expect(p.moment).toBe(NOW);
  });
});

describe("moments", () => {
  it("are written and read in the city's zone", () => {
    const moment = Date.UTC(2026, 10, 21, 6, 32, 10);
    expect(toField(moment, "Asia/Shanghai")).toBe("2026-11-21T14:32:10");
    expect(toField(moment, "America/New_York")).toBe("2026-11-21T01:32:10");
    for (const zone of ["Asia/Shanghai", "America/New_York", "UTC"]) expect(fromField(toField(moment, zone), zone)).toBe(moment);
    expect(fromField("2026-11-21T14:32", "Asia/Shanghai")).toBe(moment - 10_000);
    expect(fromField("", "Asia/Shanghai")).toBeNull();
  });

  it("lie on a slider of the last day, from what is kept on, or of the day around them", () => {
    expect(windowOf(null, NOW - 100 * HOUR, NOW)).toEqual({ start: NOW - 24 * HOUR, end: NOW });
    expect(windowOf(null, NOW - 3 * HOUR, NOW)).toEqual({ start: NOW - 3 * HOUR, end: NOW });
    expect(windowOf(null, null, NOW)).toEqual({ start: NOW - 10 * MINUTE_MS, end: NOW });
    expect(windowOf(NOW - 60 * HOUR, NOW - 100 * HOUR, NOW)).toEqual({ start: NOW - 72 * HOUR, end: NOW - 48 * HOUR });
    expect(windowOf(NOW - 5 * HOUR, NOW - 3 * HOUR, NOW).start).toBe(NOW - 5 * HOUR);
  });
});

describe("several walls", () => {
  it.each(SPEEDS)("show the same past at ×%i, told early or late and however slowly one of them reads", async (speed) => {
    let now = NOW;
    const replay = { moment: NOW - 20 * HOUR, since: NOW, speed, playing: true };
    const slow = new History();
    const gates: (() => void)[] = [];
    slow.state = async () => {
      await new Promise<void>((open) => gates.push(open));
      return noRows();
    };
    const walls = [new History(), slow, new History()].map(
      (history) => new Player(history, { show: vi.fn(), changed: vi.fn(), failed: vi.fn(), arrived: vi.fn() }, () => now),
    );
    const begin = (wall: Player): void => {
      void wall.seek(replayed(replay, now));
      wall.replay = replay;
      wall.hurry(speed);
      wall.play(true);
    };
    begin(walls[0]);
    begin(walls[1]);
    for (let i = 0; i < 60; i++) {
      now += 250;
      await settle();
      if (i === 10) begin(walls[2]);
      if (i === 30) gates.forEach((open) => open());
      // One is looked at seldom.
      walls.forEach((wall, n) => (n < 2 || i % 3 === 2) && wall.tick(250));
    }
    for (const wall of walls) expect(wall.moment).toBe(NOW - 20 * HOUR + 15_000 * speed);
  });
});
