import type { CellColumns } from "./frames";

/** Cells of one kind within a square of this many pixels are drawn as one disc, so that the discs of all kinds find room there. */
const SQUARE_PX = 120;
/** A disc is never drawn further than this from the middle of what it counts, as a part of the square. */
const DRIFT_LIMIT = 0.53;
const GAP_PX = 3;
const SPREAD_ROUNDS = 40;
/** Least part of a ring that an alert takes. */
const ALERT_SHARE = 0.08;

/** Cells laid out for one zoom: columns for deck.gl, one row per disc. */
export interface CellPlan {
  length: number;
  /** Longitude, latitude: degrees. */
  positions: Float64Array;
  /** Pixels. */
  radii: Float32Array;
  /** Alert, working and calm parts of the ring; the rest is silent. */
  shares: Float32Array;
  kinds: Uint8Array;
  totals: Uint32Array;
}

/** Disc radius in pixels for `total` things, before the screen's scale: its area grows with the count. */
export function cellRadius(total: number): number {
  return Math.min(32, 16 + 0.4 * Math.sqrt(total));
}

/** Web Mercator, degrees to pixels of the whole world at a zoom (512 pixels at zoom 0): the same wherever the map is moved. */
export function toPixels(lon: number, lat: number, world: number): [number, number] {
  const y = Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
  return [((lon + 180) / 360) * world, (0.5 - y / (2 * Math.PI)) * world];
}

function toDegrees(x: number, y: number, world: number): [number, number] {
  const lat = (Math.atan(Math.exp((0.5 - y / world) * 2 * Math.PI)) * 360) / Math.PI - 90;
  return [(x / world) * 360 - 180, lat];
}

interface Sum {
  kind: number;
  x: number;
  y: number;
  total: number;
  alert: number;
  working: number;
  silent: number;
}

function sums(cells: CellColumns, hidden: ReadonlySet<number>, world: number, square: number): Sum[] {
  const found = new Map<string, Sum>();
  for (let row = 0; row < cells.length; row++) {
    const kind = cells.kind[row];
    const total = cells.total[row];
    if (total === 0 || hidden.has(kind)) continue;
    const [x, y] = toPixels(cells.lon[row], cells.lat[row], world);
    const key = `${kind} ${Math.floor(x / square)} ${Math.floor(y / square)}`;
    let sum = found.get(key);
    if (sum === undefined) found.set(key, (sum = { kind, x: 0, y: 0, total: 0, alert: 0, working: 0, silent: 0 }));
    sum.x += x * total;
    sum.y += y * total;
    sum.total += total;
    sum.alert += cells.alert[row];
    sum.working += cells.working[row];
    sum.silent += cells.silent[row];
  }
  return [...found.values()];
}

/** Parts of a disc's ring: alert, working, calm. An alert is never too thin to be seen among thousands. */
function ringShares({ total, alert, working, silent }: Sum): [number, number, number] {
  const shown = alert === 0 ? 0 : Math.max(ALERT_SHARE, alert / total);
  const others = total - alert;
  const rest = others <= 0 ? 0 : (1 - shown) / others;
  return [shown, working * rest, Math.max(0, others - working - silent) * rest];
}

/**
 * Lays cells out for a zoom: near ones of a kind are summed up, then discs are moved a little so that they cover
 * one another as little as possible.
 *
 * @param scale enlarges discs on a wall
 * @param square_px side of the squares that are summed up, before the scale
 */
export function planCells(
  cells: CellColumns,
  hidden: ReadonlySet<number>,
  zoom: number,
  scale: number,
  square_px: number = SQUARE_PX,
): CellPlan {
  const world = 512 * 2 ** zoom;
  const discs = sums(cells, hidden, world, square_px * scale);
  const length = discs.length;
  const radii = Float32Array.from(discs, (disc) => cellRadius(disc.total) * scale);
  const xy = Float64Array.from(discs.flatMap((disc) => [disc.x / disc.total, disc.y / disc.total]));
  spread(xy, radii, GAP_PX * scale, DRIFT_LIMIT * square_px * scale);
  const positions = new Float64Array(length * 2);
  const shares = new Float32Array(length * 3);
  discs.forEach((disc, i) => {
    positions.set(toDegrees(xy[i * 2], xy[i * 2 + 1], world), i * 2);
    shares.set(ringShares(disc), i * 3);
  });
  return {
    length,
    positions,
    radii,
    shares,
    kinds: Uint8Array.from(discs, (disc) => disc.kind),
    totals: Uint32Array.from(discs, (disc) => disc.total),
  };
}

/**
 * Moves discs apart so that they cover one another as little as possible, for several kinds have their middle at nearly
 * the same spot. Works in pixels and in place.
 *
 * @param xy pixel positions, 2 × n
 * @param radii pixels, n
 * @param gap_px space wanted between two discs
 * @param limit_px no disc ends further than this from where it began
 */
export function spread(xy: Float64Array, radii: Float32Array, gap_px: number, limit_px: number): void {
  const home = xy.slice();
  const pairs = mayTouch(xy, radii, gap_px + 2 * limit_px);
  for (let round = 0; round < SPREAD_ROUNDS; round++) {
    let isSettled = true;
    for (const [i, j] of pairs) isSettled = !part(xy, i, j, radii[i] + radii[j] + gap_px) && isSettled;
    if (isSettled) return;
    for (let i = 0; i < xy.length; i += 2) {
      const dx = xy[i] - home[i];
      const dy = xy[i + 1] - home[i + 1];
      const kept = limit_px / Math.max(limit_px, Math.hypot(dx, dy));
      xy[i] = home[i] + dx * kept;
      xy[i + 1] = home[i + 1] + dy * kept;
    }
  }
}

/** Pairs of discs that could come to touch when their edges lie no further apart than `reach_px`. */
function mayTouch(xy: Float64Array, radii: Float32Array, reach_px: number): [number, number][] {
  const widest = 2 * radii.reduce((most, radius) => Math.max(most, radius), 0) + reach_px;
  const order = Array.from(radii.keys()).sort((i, j) => xy[i * 2] - xy[j * 2]);
  const pairs: [number, number][] = [];
  for (let a = 0; a < order.length; a++) {
    const i = order[a];
    for (let b = a + 1; b < order.length && xy[order[b] * 2] - xy[i * 2] < widest; b++) {
      const j = order[b];
      if (Math.abs(xy[j * 2 + 1] - xy[i * 2 + 1]) < radii[i] + radii[j] + reach_px) pairs.push([i, j]);
    }
  }
  return pairs;
}

/** Pushes two discs apart to a distance; false when they already are (to half a pixel). */
function part(xy: Float64Array, i: number, j: number, wanted: number): boolean {
  let dx = xy[j * 2] - xy[i * 2];
  let dy = xy[j * 2 + 1] - xy[i * 2 + 1];
  const distance = Math.hypot(dx, dy);
  if (distance >= wanted - 0.5) return false;
  if (distance > 1e-6) {
    dx /= distance;
    dy /= distance;
  } else {
    // Exactly on one another: part them along a direction of their own, the same at every drawing.
    dx = Math.cos(j * 2.4);
    dy = Math.sin(j * 2.4);
  }
  const push = (wanted - distance) / 2;
  xy[i * 2] -= dx * push;
  xy[i * 2 + 1] -= dy * push;
  xy[j * 2] += dx * push;
  xy[j * 2 + 1] += dy * push;
  return true;
}
