import type { TrackPoint } from "../api";
import type { Rgb } from "../tokens";

/** Without a report for this long nobody knows the way between two points: the line is broken there. */
const GAP_MS = 180_000;
export const TRACK_MS = 3_600_000;
const EARTH_RADIUS_M = 6_371_008.8;

type Colour = [red: number, green: number, blue: number, alpha: number];

/** A stretch without gaps: positions as longitude, latitude pairs and a colour per vertex. */
export interface Stretch {
  path: [number, number][];
  colours: Colour[];
}

/** Length of the way between two points on the sphere, metres (haversine). */
function distance_m(a: TrackPoint, b: TrackPoint): number {
  const rad = Math.PI / 180;
  const half = (degrees: number): number => Math.sin((degrees * rad) / 2) ** 2;
  const part = half(b[1] - a[1]) + Math.cos(a[1] * rad) * Math.cos(b[1] * rad) * half(b[0] - a[0]);
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(part));
}

/** The selected thing's way since some time ago; grows as it moves. */
export class Track {
  private points: TrackPoint[] = [];

  constructor(points: readonly TrackPoint[] = []) {
    this.points = [...points].sort((a, b) => a[2] - b[2]);
  }

  get length(): number {
    return this.points.length;
  }

  /** Adds a report; one that is not newer than the last is already there or came late and is left to the next reading. */
  append(point: TrackPoint): void {
    const last = this.points.at(-1);
    if (last !== undefined && point[2] <= last[2]) return;
    this.points.push(point);
  }

  /** Forgets what is older than `since_ms` (server's time). */
  trim(since_ms: number): void {
    const first = this.points.findIndex((point) => point[2] >= since_ms);
    if (first === -1) this.points = [];
    else if (first > 0) this.points = this.points.slice(first);
  }

  /** Length of the known way, metres; gaps are not counted. */
  length_m(): number {
    let sum = 0;
    for (let i = 1; i < this.points.length; i++) {
      if (this.points[i][2] - this.points[i - 1][2] <= GAP_MS) sum += distance_m(this.points[i - 1], this.points[i]);
    }
    return sum;
  }

  /** What is drawn: fading with age from the colour to nearly nothing at `since_ms`, but over no less than an hour. */
  stretches(now_ms: number, since_ms: number, colour: Rgb): Stretch[] {
    const span = Math.max(TRACK_MS, now_ms - since_ms);
    const out: Stretch[] = [];
    let before = Number.NEGATIVE_INFINITY;
    for (const [lon, lat, time] of this.points) {
      if (time - before > GAP_MS) out.push({ path: [], colours: [] });
      before = time;
      const freshness = Math.max(0, 1 - (now_ms - time) / span);
      const stretch = out[out.length - 1];
      stretch.path.push([lon, lat]);
      stretch.colours.push([...colour, Math.round(25 + 215 * freshness ** 1.5)]);
    }
    return out.filter((stretch) => stretch.path.length > 1);
  }
}
