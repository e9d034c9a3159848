import type { Fleet } from "./fleet";
import type { CellColumns } from "./frames";
import { LOOKS } from "./store";

const IDLE = LOOKS.indexOf("idle");
const WORKING = LOOKS.indexOf("working");
const ALERT = LOOKS.indexOf("alert");
const OFF = LOOKS.indexOf("off");
const SILENT = LOOKS.indexOf("silent");

/** What there is of a kind: total and by state; `calm` is what neither works, alerts nor is silent. */
export interface Tally {
  total: number;
  working: number;
  calm: number;
  alert: number;
  silent: number;
}

/** Sums the cells of one kind. */
function tallyCells(cells: CellColumns, kind: number): Tally {
  const sum: Tally = { total: 0, working: 0, calm: 0, alert: 0, silent: 0 };
  for (let row = 0; row < cells.length; row++) {
    if (cells.kind[row] !== kind) continue;
    sum.total += cells.total[row];
    sum.working += cells.working[row];
    sum.alert += cells.alert[row];
    sum.silent += cells.silent[row];
  }
  sum.calm = Math.max(0, sum.total - sum.working - sum.alert - sum.silent);
  return sum;
}

/** What there is of each kind (by code), one by one or, where the server sums up, in its cells. */
export function tallies(fleet: Fleet, cells: CellColumns | null): Map<number, Tally> {
  const found = new Map<number, Tally>();
  for (const [code, { counts, length }] of fleet.stores) {
    found.set(
      code,
      cells === null
        ? {
            total: length,
            working: counts[WORKING],
            calm: counts[IDLE] + counts[OFF],
            alert: counts[ALERT],
            silent: counts[SILENT],
          }
        : tallyCells(cells, code),
    );
  }
  return found;
}
