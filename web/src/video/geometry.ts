/** What cameras see, as figures on the ground: sectors of fixed ones, footprints of those that fly. Pure. */

export type LonLat = [lon: number, lat: number];

/** Metres of a degree of latitude (mean radius, IUGG). */
const M_PER_DEG = (Math.PI / 180) * 6_371_008.8;
const RADIANS = Math.PI / 180;
/** Degrees between two corners of an arc. */
const STEP_DEG = 4;
/** Rays along one edge of a picture: a straight edge bends where it is cut off. */
const EDGE_RAYS = 8;

/** A place so many metres east and north of another; good for some kilometres. */
export function beside([lon, lat]: LonLat, east_m: number, north_m: number): LonLat {
  return [lon + east_m / (M_PER_DEG * Math.cos(lat * RADIANS)), lat + north_m / M_PER_DEG];
}

/** A field of view seen from above. */
export interface Sector {
  lon: number;
  lat: number;
  /** Of its middle, degrees from north. */
  heading_deg: number;
  /** From edge to edge, degrees. */
  view_deg: number;
  /** How far it reaches, metres. */
  view_m: number;
}

/** Corners of a sector, the camera first; of one that sees all around, a ring without it. */
export function sectorPath({ lon, lat, heading_deg, view_deg, view_m }: Sector): LonLat[] {
  const place: LonLat = [lon, lat];
  const isRing = view_deg >= 360;
  const steps = Math.max(2, Math.ceil(view_deg / STEP_DEG));
  const arc = Array.from({ length: steps + 1 }, (_, i): LonLat => {
    const bearing = (heading_deg - view_deg / 2 + (view_deg * i) / steps) * RADIANS;
    return beside(place, Math.sin(bearing) * view_m, Math.cos(bearing) * view_m);
  });
  return isRing ? arc : [place, ...arc, place];
}

/** How a flying camera hangs in the air. */
export interface Pose {
  lon: number;
  lat: number;
  /** Above the ground, metres. */
  height_m: number;
  /** Of the middle of its picture, degrees from north. */
  yaw_deg: number;
  /** 0: level, -90: straight down. */
  pitch_deg: number;
  /** Openings of the lens from side to side and from top to bottom, degrees. */
  view_deg: number;
  view_v_deg: number;
}

export interface Footprint {
  /** Closed, in the picture's order: near edge, right, far edge, left. */
  path: LonLat[];
  /** The picture shows the sky, or ground further away than is drawn: the far edge is where it was cut. */
  isCut: boolean;
}

/**
 * The ground in a flying camera's picture: level ground at the height it counts from, and a picture that stands upright.
 *
 * Rays through the picture's border meet the ground; those that do so beyond `reach_m`, or never, end at that distance.
 *
 * @returns null where the camera stands on the ground, or looks above the horizon with all of its picture
 */
export function footprint(pose: Pose, reach_m: number): Footprint | null {
  const { height_m } = pose;
  if (!(height_m > 0)) return null;
  const across = Math.tan((Math.min(pose.view_deg, 170) / 2) * RADIANS);
  const along = Math.tan((Math.min(pose.view_v_deg, 170) / 2) * RADIANS);
  const yaw = pose.yaw_deg * RADIANS;
  const pitch = pose.pitch_deg * RADIANS;
  let isCut = false;
  let sees = false;
  /** Where a ray through the picture ends; right and up are -1 to 1. */
  const meet = (right: number, up: number): LonLat => {
    // Forward, to the right and upward of a camera that looks north and level, then tilted by the pitch.
    const x = right * across;
    const y = Math.cos(pitch) - Math.sin(pitch) * up * along;
    const z = Math.sin(pitch) + Math.cos(pitch) * up * along;
    const flat = Math.hypot(x, y);
    const down = -z / (flat || 1);
    let far_m = reach_m;
    // At a tangent no larger than this the ground is beyond reach.
    if (down > height_m / reach_m) {
      far_m = flat === 0 ? 0 : height_m / down;
      sees = true;
    } else {
      isCut = true;
      if (down > 0) sees = true;
    }
    const bearing = Math.atan2(x, y) + yaw;
    return beside([pose.lon, pose.lat], Math.sin(bearing) * far_m, Math.cos(bearing) * far_m);
  };
  const path: LonLat[] = [];
  const corners: [number, number][] = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
  corners.forEach(([right, up], i) => {
    const [toRight, toUp] = corners[(i + 1) % 4];
    for (let k = 0; k < EDGE_RAYS; k++) {
      const part = k / EDGE_RAYS;
      path.push(meet(right + (toRight - right) * part, up + (toUp - up) * part));
    }
  });
  path.push(path[0]);
  return sees ? { path, isCut } : null;
}
