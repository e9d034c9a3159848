import { t } from "../words";
import type { LonLat } from "./records";

const M_PER_DEG = 111_195;
/** Of the map at zoom 0 on the equator, whose tiles are 512 pixels wide. */
const M_PER_PX = 78_271.517;
/** More dashes than this a line does not get: they grow longer instead. */
const MOST_DASHES = 300;

/** `840 m`, `12.4 km` */
export function lengthText(m: number): string {
  return m < 1000 ? `${Math.round(m)} m` : `${(m / 1000).toFixed(m < 100_000 ? 2 : 0)} km`;
}

/** `620 m²`, `3.42 公顷`, `12.6 km²` */
export function areaText(m2: number): string {
  if (m2 < 10_000) return `${Math.round(m2)} m²`;
  return m2 < 1e6 ? t("{n} 公顷", { n: (m2 / 10_000).toFixed(2) }) : `${(m2 / 1e6).toFixed(2)} km²`;
}

/** Metres that a pixel of the map covers. */
export function metresPerPixel(lat: number, zoom: number): number {
  return (M_PER_PX * Math.cos((lat * Math.PI) / 180)) / 2 ** zoom;
}

/** East and north of one place from another, metres on a plane. */
function offset([lon0, lat0]: LonLat, [lon1, lat1]: LonLat): [east: number, north: number] {
  return [(lon1 - lon0) * M_PER_DEG * Math.cos((lat0 * Math.PI) / 180), (lat1 - lat0) * M_PER_DEG];
}

function shifted([lon, lat]: LonLat, east: number, north: number): LonLat {
  return [lon + east / (M_PER_DEG * Math.cos((lat * Math.PI) / 180)), lat + north / M_PER_DEG];
}

const between = (a: LonLat, b: LonLat, part: number): LonLat => [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];

/** Metres along a line. */
export function lengthOf(points: readonly LonLat[]): number {
  return points.slice(1).reduce((sum, point, i) => sum + Math.hypot(...offset(points[i], point)), 0);
}

/** The place in the middle of a line's length. */
export function middleOf(points: readonly LonLat[]): LonLat {
  let left = lengthOf(points) / 2;
  for (let i = 1; i < points.length; i++) {
    const step = Math.hypot(...offset(points[i - 1], points[i]));
    if (step > 0 && left <= step) return between(points[i - 1], points[i], left / step);
    left -= step;
  }
  return points[points.length - 1];
}

/** The middle of a ring's area. */
export function centreOf(ring: readonly LonLat[]): LonLat {
  const [origin] = ring;
  let [area, east, north] = [0, 0, 0];
  for (let i = 1; i < ring.length; i++) {
    const [x0, y0] = offset(origin, ring[i - 1]);
    const [x1, y1] = offset(origin, ring[i]);
    const cross = x0 * y1 - x1 * y0;
    area += cross;
    east += (x0 + x1) * cross;
    north += (y0 + y1) * cross;
  }
  return area === 0 ? middleOf(ring) : shifted(origin, east / (3 * area), north / (3 * area));
}

/** A line in dashes of so many metres with gaps between. */
export function dashes(points: readonly LonLat[], dash_m: number, gap_m: number): LonLat[][] {
  const stretch = Math.max(1, lengthOf(points) / ((dash_m + gap_m) * MOST_DASHES));
  const lengths = [dash_m * stretch, gap_m * stretch];
  const found: LonLat[][] = [];
  let current: LonLat[] = [points[0]];
  let isDash = true;
  let left = lengths[0];
  for (let i = 1; i < points.length; i++) {
    let here = points[i - 1];
    let step = Math.hypot(...offset(here, points[i]));
    while (step > left) {
      here = between(here, points[i], left / step);
      step -= left;
      if (isDash) found.push([...current, here]);
      isDash = !isDash;
      current = [here];
      left = lengths[isDash ? 0 : 1];
    }
    left -= step;
    if (isDash) current.push(points[i]);
  }
  if (isDash && current.length > 1) found.push(current);
  return found;
}

/** The head of an arrow at the end of a line, so many metres long; null: the line has no direction. */
export function arrowHead(points: readonly LonLat[], size_m: number): LonLat[] | null {
  const tip = points[points.length - 1];
  for (let i = points.length - 2; i >= 0; i--) {
    const [east, north] = offset(tip, points[i]);
    const length = Math.hypot(east, north);
    // Not the last wiggle of a hand decides where it points.
    if (length < size_m && i > 0) continue;
    if (length === 0) return null;
    const [x, y] = [(east / length) * size_m, (north / length) * size_m];
    const half = 0.55;
    return [shifted(tip, x - y * half, y + x * half), tip, shifted(tip, x + y * half, y - x * half)];
  }
  return null;
}

/** At most so many of a line's points, the first and last among them. */
export function thinned(points: readonly LonLat[], most: number): LonLat[] {
  if (points.length <= most) return [...points];
  const step = (points.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => points[Math.round(i * step)]);
}
