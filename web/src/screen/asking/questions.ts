/** What can be asked of the map (`POST /api/v1/ask`), and how a hand draws it. */

export type LonLat = [lon: number, lat: number];

export type Tool = "circle" | "rectangle" | "polygon" | "corridor" | "nearest" | "district" | "near" | "crossed";

/** Where to look. */
export type Where =
  | { type: "circle"; lon: number; lat: number; radius_m: number }
  | { type: "rectangle"; bbox: [number, number, number, number] }
  | { type: "polygon"; ring: LonLat[] }
  | { type: "corridor"; line: LonLat[]; width_m: number }
  | { type: "nearest"; lon: number; lat: number; k: number }
  | { type: "district"; code: string }
  | { type: "near"; thing: "asset" | "area" | "row"; id: number; layer?: string; radius_m: number }
  | { type: "crossed"; line: LonLat[]; from: number; to: number };

export interface Counted {
  value: unknown;
  title: string;
  count: number;
}

/** One layer's answer. */
export interface LayerAnswer {
  id: string;
  title: string;
  total: number;
  truncated: boolean;
  state: Counted[];
  district: Counted[];
  columns: { field: string; title: string }[];
  /** Id, longitude and latitude of many more than the rows. */
  places: [id: number, lon: number, lat: number][];
  rows: { id: number; lon: number; lat: number; distance_m: number | null; values: unknown[] }[];
}

export interface Answered {
  shape: GeoJSON.Geometry;
  total: number;
  as_of: string;
  layers: LayerAnswer[];
}

const M_PER_DEG = 111_195;

/** Metres between two places of one city. */
export function metres(a: LonLat, b: LonLat): number {
  const east = (a[0] - b[0]) * Math.cos((((a[1] + b[1]) / 2) * Math.PI) / 180);
  return Math.hypot(east, a[1] - b[1]) * M_PER_DEG;
}

/** A circle as a ring of 64 corners, for the map. */
export function ringAround([lon, lat]: LonLat, radius_m: number): LonLat[] {
  const north = radius_m / M_PER_DEG;
  const east = north / Math.cos((lat * Math.PI) / 180);
  return Array.from({ length: 65 }, (_, i): LonLat => {
    const turn = (i / 64) * 2 * Math.PI;
    return [lon + east * Math.cos(turn), lat + north * Math.sin(turn)];
  });
}

/** West, south, east, north of two corners. */
export function boxOf(a: LonLat, b: LonLat): [number, number, number, number] {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
}

/** How a tool is drawn: pulled from one place to another, drawn freely, point by point, or pointed at. */
export function gestureOf(tool: Tool): "pull" | "free" | "points" | "point" | "none" {
  switch (tool) {
    case "circle":
    case "rectangle":
      return "pull";
    case "polygon":
      return "free";
    case "corridor":
    case "crossed":
      return "points";
    case "nearest":
    case "district":
      return "point";
    case "near":
      return "none";
  }
}

/** What is drawn so far, for the map; null: nothing yet. */
export function outline(tool: Tool, points: readonly LonLat[]): GeoJSON.Geometry | null {
  if (points.length === 0) return null;
  const [first] = points;
  const last = points[points.length - 1];
  if (points.length === 1) return { type: "Point", coordinates: first };
  switch (tool) {
    case "circle":
      return { type: "Polygon", coordinates: [ringAround(first, metres(first, last))] };
    case "rectangle": {
      const [west, south, east, north] = boxOf(first, last);
      return { type: "Polygon", coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]] };
    }
    case "polygon":
      return { type: "Polygon", coordinates: [[...points, first]] };
    default:
      return { type: "LineString", coordinates: [...points] };
  }
}
