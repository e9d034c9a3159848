import type { CellColumns } from "./frames";

/** Disc radius in pixels for a cell of `total` things, before the screen's scale: its area grows with the count. */
export function cellRadius(total: number): number {
  return Math.min(46, 17 + 1.15 * Math.sqrt(total));
}

/**
 * Moves discs apart until none covers another, for several kinds have their middle at nearly the same spot.
 * Works in pixels and in place; a disc never moves further than it must.
 *
 * @param xy pixel positions, 2 × n
 * @param radii pixels, n
 * @param gap_px space kept between two discs
 */
export function spread(xy: Float64Array, radii: Float32Array, gap_px: number, rounds = 40): void {
  for (let round = 0; round < rounds; round++) {
    let isSettled = true;
    for (let i = 0; i < radii.length; i++) {
      for (let j = i + 1; j < radii.length; j++) {
        let dx = xy[j * 2] - xy[i * 2];
        let dy = xy[j * 2 + 1] - xy[i * 2 + 1];
        const wanted = radii[i] + radii[j] + gap_px;
        if (Math.abs(dx) >= wanted || Math.abs(dy) >= wanted) continue;
        let distance = Math.hypot(dx, dy);
        if (distance >= wanted - 0.5) continue;
        if (distance < 1e-6) {
          // Exactly on one another: part them along a direction of their own, the same at every drawing.
          dx = Math.cos(j * 2.4);
          dy = Math.sin(j * 2.4);
          distance = 1;
        }
        const push = (wanted - Math.hypot(xy[j * 2] - xy[i * 2], xy[j * 2 + 1] - xy[i * 2 + 1])) / 2 / distance;
        xy[i * 2] -= dx * push;
        xy[i * 2 + 1] -= dy * push;
        xy[j * 2] += dx * push;
        xy[j * 2 + 1] += dy * push;
        isSettled = false;
      }
    }
    if (isSettled) return;
  }
}

/** What a kind has in all cells: total and by state; `calm` is what neither works, alerts nor is silent. */
export interface Tally {
  total: number;
  working: number;
  calm: number;
  alert: number;
  silent: number;
}

/** Sums the cells of one kind. */
export function tally(cells: CellColumns, kind: number): Tally {
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
