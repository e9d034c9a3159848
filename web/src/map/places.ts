import type { GeoJSONFeature, Map as MapLibreMap } from "maplibre-gl";
import { AREA_NAMES_ZOOM } from "./basemap";

/** Something on the base map that has a name. */
export interface Place {
  level: "district" | "area";
  name: string;
  /** Where the name belongs, degrees: the middle of a district, the northern edge of an area. */
  lon: number;
  lat: number;
  /** How far from there it may stand, degrees of latitude. */
  reach_deg: number;
}

/** A name stays within this part of its district's breadth: further off it would name another one. */
const REACH = 0.3;

type Ring = readonly (readonly number[])[];

/** Signed area and middle of a ring in its own units; the middle of a ring without area is its first point. */
export function ringMiddle(ring: Ring): { area: number; x: number; y: number } {
  let area = 0;
  let x = 0;
  let y = 0;
  const [ox, oy] = ring[0];
  for (let i = 0; i + 1 < ring.length; i++) {
    // Relative to the first point: degrees squared of a small ring would drown in rounding otherwise.
    const ax = ring[i][0] - ox;
    const ay = ring[i][1] - oy;
    const bx = ring[i + 1][0] - ox;
    const by = ring[i + 1][1] - oy;
    const cross = ax * by - bx * ay;
    area += cross;
    x += (ax + bx) * cross;
    y += (ay + by) * cross;
  }
  if (area === 0) return { area: 0, x: ox, y: oy };
  return { area: area / 2, x: ox + x / (3 * area), y: oy + y / (3 * area) };
}

interface Piece {
  name: string;
  sum: number;
  x: number;
  y: number;
}

function polygons({ geometry }: GeoJSONFeature): GeoJSON.Position[][][] {
  if (geometry.type === "Polygon") return [geometry.coordinates];
  return geometry.type === "MultiPolygon" ? geometry.coordinates : [];
}

/** One place per district from the pieces that tiles cut it into, weighed by area; the largest first. */
function districts(features: readonly GeoJSONFeature[], nameField: string): Place[] {
  const pieces = new Map<string, Piece>();
  for (const feature of features) {
    const { code, [nameField]: name, name: ownName } = feature.properties;
    // "District" on each of them would be words without news, and there is little room.
    const shortName = String(name || ownName).replace(/ District$/, "");
    const piece = pieces.get(code) ?? { name: shortName, sum: 0, x: 0, y: 0 };
    for (const [outline] of polygons(feature)) {
      const middle = ringMiddle(outline);
      const weight = Math.abs(middle.area);
      piece.sum += weight;
      piece.x += middle.x * weight;
      piece.y += middle.y * weight;
    }
    pieces.set(code, piece);
  }
  return [...pieces.values()]
    .filter((piece) => piece.sum > 0)
    .sort((a, b) => b.sum - a.sum)
    .map(({ name, sum, x, y }) => ({ level: "district", name, lon: x / sum, lat: y / sum, reach_deg: Math.sqrt(sum) * REACH }));
}

/** One place per area: the middle of its box's northern edge, for the things in it must not cover its name. */
function areas(features: readonly GeoJSONFeature[]): Place[] {
  const boxes = new Map<number, { name: string; west: number; east: number; north: number }>();
  for (const feature of features) {
    const { id, name } = feature.properties;
    const box = boxes.get(id) ?? { name, west: 180, east: -180, north: -90 };
    for (const [lon, lat] of polygons(feature).flat(2)) {
      box.west = Math.min(box.west, lon);
      box.east = Math.max(box.east, lon);
      box.north = Math.max(box.north, lat);
    }
    boxes.set(id, box);
  }
  return [...boxes.values()].map(({ name, west, east, north }) => ({
    level: "area", name, lon: (west + east) / 2, lat: north, reach_deg: 90,
  }));
}

/** Tells what named places the loaded tiles hold, whenever that changes. */
export function watchPlaces(map: MapLibreMap, language: string, onPlaces: (places: Place[]) => void): void {
  const nameField = language === "en" ? "name_en" : "name";
  let told = "";
  const refresh = (): void => {
    const filter = ["==", ["get", "level"], "district"] as never;
    const places = districts(map.querySourceFeatures("regions", { sourceLayer: "regions", filter }), nameField);
    if (map.getZoom() >= AREA_NAMES_ZOOM) {
      places.push(...areas(map.querySourceFeatures("areas", { sourceLayer: "areas" })));
    }
    const text = JSON.stringify(places);
    if (text === told) return;
    told = text;
    onPlaces(places);
  };
  map.on("sourcedata", ({ sourceId, isSourceLoaded }) => {
    if (sourceId === "regions" && isSourceLoaded) refresh();
  });
  map.on("idle", refresh);
}
