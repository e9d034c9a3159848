import type { CellColumns } from "./frames";
import { type KindStore, LOOKS } from "./store";

/** Every look lets through. */
export const ALL_LOOKS = (1 << LOOKS.length) - 1;

const bit = (look: (typeof LOOKS)[number]): number => 1 << LOOKS.indexOf(look);
const IDLE = bit("idle");
const WORKING = bit("working");
const ALERT = bit("alert");
const OFF = bit("off");
const SILENT = bit("silent");

/** What of the moving things is let through to the map: which kinds, and of a kind which looks. */
export class Sieve {
  private readonly masks = new Map<number, number>();

  /** @param hidden codes of the kinds that are switched off; may change */
  constructor(readonly hidden: Set<number> = new Set()) {}

  /** The looks of a kind that are let through: a bit for each of {@link LOOKS}. */
  looks(kind: number): number {
    return this.masks.get(kind) ?? ALL_LOOKS;
  }

  /** Lets these looks of a kind through from now on. */
  keep(kind: number, looks: number): void {
    if (looks === ALL_LOOKS) this.masks.delete(kind);
    else this.masks.set(kind, looks);
  }

  /** Whether every look of every kind is let through. */
  get isOpen(): boolean {
    return this.masks.size === 0;
  }

  /** Slots of a kind whose looks are let through; null: all. */
  slots(kind: number, store: KindStore): Uint32Array | null {
    const looks = this.looks(kind);
    if (looks === ALL_LOOKS) return null;
    const slots = new Uint32Array(store.length);
    let n = 0;
    for (let slot = 0; slot < store.length; slot++) if ((looks >> store.looks[slot]) & 1) slots[n++] = slot;
    return slots.subarray(0, n);
  }

  /** The server's cells with only what is let through in them. */
  cells(cells: CellColumns): CellColumns {
    return this.isOpen ? cells : narrowed(cells, (kind) => this.looks(kind));
  }
}

/** Cells in which only some looks of each kind are counted; those without any stay, with nothing in them. */
export function narrowed(cells: CellColumns, looksOf: (kind: number) => number): CellColumns {
  const { length } = cells;
  const out = { ...cells };
  for (const name of ["total", "working", "alert", "silent", "off"] as const) out[name] = new Uint32Array(length);
  for (let row = 0; row < length; row++) {
    const looks = looksOf(cells.kind[row]);
    const { working, alert, silent, off } = cells;
    const idle = Math.max(0, cells.total[row] - working[row] - alert[row] - silent[row] - off[row]);
    if (looks & WORKING) out.working[row] = working[row];
    if (looks & ALERT) out.alert[row] = alert[row];
    if (looks & SILENT) out.silent[row] = silent[row];
    if (looks & OFF) out.off[row] = off[row];
    out.total[row] = out.working[row] + out.alert[row] + out.silent[row] + out.off[row] + (looks & IDLE ? idle : 0);
  }
  return out;
}
