import type { Map as MapLibreMap, GeoJSONSource, GeoJSONFeature } from "maplibre-gl";
import { LABEL_FONT, LABEL_SOURCE } from "./basemap";

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

/** One label point per region from the pieces that tiles cut it into, weighed by area. */
function labelPoints(features: readonly GeoJSONFeature[], nameField: string): GeoJSON.FeatureCollection {
  const pieces = new Map<string, Piece>();
  for (const { geometry, properties } of features) {
    if (geometry.type !== "Polygon" && geometry.type !== "MultiPolygon") continue;
    const code = String(properties.code);
    const name = String(properties[nameField] || properties.name);
    const piece = pieces.get(code) ?? { name, sum: 0, x: 0, y: 0 };
    const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    for (const [outline] of polygons) {
      const middle = ringMiddle(outline);
      const weight = Math.abs(middle.area);
      piece.sum += weight;
      piece.x += middle.x * weight;
      piece.y += middle.y * weight;
    }
    pieces.set(code, piece);
  }
  return {
    type: "FeatureCollection",
    features: [...pieces.values()]
      .filter((piece) => piece.sum > 0)
      .map(({ name, sum, x, y }) => ({
        type: "Feature",
        properties: { name },
        geometry: { type: "Point", coordinates: [x / sum, y / sum] },
      })),
  };
}

/**
 * Keeps one name on each district. Tiles cut a district into pieces, and a label in the tile would stand on each;
 * the font's parts for the names are loaded before the map draws with them, for a drawn letter is kept.
 */
export function keepLabels(map: MapLibreMap, language: string): void {
  const nameField = language === "en" ? "name_en" : "name";
  let shown = "";
  const refresh = async (): Promise<void> => {
    const features = map.querySourceFeatures("regions", {
      sourceLayer: "regions",
      filter: ["==", ["get", "level"], "district"],
    });
    const points = labelPoints(features, nameField);
    const text = JSON.stringify(points);
    if (text === shown) return;
    shown = text;
    const letters = points.features.map((feature) => String(feature.properties?.name)).join("");
    // Without the font the names are drawn with the computer's own: better than no names.
    await document.fonts.load(`400 24px "${LABEL_FONT}"`, letters).catch(() => []);
    if (shown === text) (map.getSource(LABEL_SOURCE) as GeoJSONSource | undefined)?.setData(points);
  };
  map.on("sourcedata", ({ sourceId, isSourceLoaded }) => {
    if (sourceId === "regions" && isSourceLoaded) void refresh();
  });
  map.on("idle", () => void refresh());
}
