import { toPixels } from "./cells";
import type { Fleet } from "./fleet";
import type { CellColumns } from "./frames";
import type { Sieve } from "./sieve";
import { type KindStore, LOOKS } from "./store";

/** From this zoom on every thing is drawn by itself; below, things that lie on one another are counted. */
export const CROWDS_BELOW_ZOOM = 14;
/** Things of one kind within a square of this many pixels are counted… */
const SQUARE_PX = 64;
/** …or of this many, while there are more than `MANY` things: discs must not fill the map. */
const WIDE_SQUARE_PX = 120;
const MANY = 3000;
/** Fewer than this are not worth a number. */
const LEAST = 3;

const WORKING = LOOKS.indexOf("working");
const ALERT = LOOKS.indexOf("alert");
const OFF = LOOKS.indexOf("off");
const SILENT = LOOKS.indexOf("silent");

/** What is counted and what is drawn by itself while the map shows a city. */
export interface Crowd {
  cells: CellColumns;
  /** Slots of the things drawn by themselves, by the kind's code. */
  singles: Map<number, Uint32Array>;
  /** Side of the squares, pixels before the screen's scale. */
  square_px: number;
}

interface Cell {
  kind: number;
  lon: number;
  lat: number;
  total: number;
  working: number;
  silent: number;
  off: number;
}

/**
 * Sorts things into those that lie on one another and those that stand alone. An alert always stands alone, and so does
 * the thing that is looked at: a number must not swallow either.
 *
 * @param kept id of the thing that is looked at
 * @param scale enlarges symbols on a wall
 */
export function gatherCrowd(
  fleet: Fleet,
  sieve: Sieve,
  zoom: number,
  scale: number,
  kept: number | null,
): Crowd {
  const square_px = fleet.count() > MANY ? WIDE_SQUARE_PX : SQUARE_PX;
  const world = 512 * 2 ** zoom;
  const cells: Cell[] = [];
  const singles = new Map<number, Uint32Array>();
  for (const [kind, store] of fleet.stores) {
    if (sieve.hidden.has(kind)) continue;
    singles.set(kind, sort(store, kind, sieve.looks(kind), world, square_px * scale, kept, cells));
  }
  return { cells: columns(cells), singles, square_px };
}

/** Appends a kind's cells and returns the slots that stay outside. */
function sort(
  store: KindStore,
  kind: number,
  looks: number,
  world: number,
  side: number,
  kept: number | null,
  cells: Cell[],
): Uint32Array {
  const alone: number[] = [];
  const squares = new Map<number, number[]>();
  for (let slot = 0; slot < store.length; slot++) {
    if (!((looks >> store.looks[slot]) & 1)) continue;
    if (store.looks[slot] === ALERT || store.ids[slot] === kept) {
      alone.push(slot);
      continue;
    }
    const [x, y] = toPixels(store.positions[slot * 2], store.positions[slot * 2 + 1], world);
    // Squares along an axis are fewer than 2²⁴ at any zoom that is counted: the pair fits a number exactly.
    const key = Math.floor(x / side) * 2 ** 24 + Math.floor(y / side);
    const square = squares.get(key);
    if (square === undefined) squares.set(key, [slot]);
    else square.push(slot);
  }
  for (const slots of squares.values()) {
    if (slots.length < LEAST) alone.push(...slots);
    else cells.push(sum(store, kind, slots));
  }
  return Uint32Array.from(alone);
}

function sum(store: KindStore, kind: number, slots: readonly number[]): Cell {
  const cell: Cell = { kind, lon: 0, lat: 0, total: slots.length, working: 0, silent: 0, off: 0 };
  for (const slot of slots) {
    cell.lon += store.positions[slot * 2] / slots.length;
    cell.lat += store.positions[slot * 2 + 1] / slots.length;
    if (store.looks[slot] === WORKING) cell.working++;
    if (store.looks[slot] === SILENT) cell.silent++;
    if (store.looks[slot] === OFF) cell.off++;
  }
  return cell;
}

function columns(cells: readonly Cell[]): CellColumns {
  return {
    length: cells.length,
    lon: Float64Array.from(cells, (cell) => cell.lon),
    lat: Float64Array.from(cells, (cell) => cell.lat),
    kind: Uint8Array.from(cells, (cell) => cell.kind),
    total: Uint32Array.from(cells, (cell) => cell.total),
    working: Uint32Array.from(cells, (cell) => cell.working),
    alert: new Uint32Array(cells.length),
    silent: Uint32Array.from(cells, (cell) => cell.silent),
    off: Uint32Array.from(cells, (cell) => cell.off),
  };
}
