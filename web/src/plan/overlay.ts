import { PolygonLayer } from "@deck.gl/layers";
import type { GeoJSONSource, Map as MapLibreMap } from "maplibre-gl";
import type { MapCanvas } from "../map/canvas";
import { type Tokens, rgb } from "../tokens";
import { type Geometry, type Point, piecesOf, sortOf } from "./geometry";

const EMPTY = { type: "FeatureCollection" as const, features: [] };
/** A volume without a top is shown so high. */
const OPEN_HEIGHT_M = 120;

/** What the shape in hand is compared with, the ground that is gone since, and what has come. */
export interface Compared {
  was: Geometry;
  gone: Geometry | null;
  come: Geometry | null;
}

interface Volume {
  rings: Point[][];
  low: number;
  high: number;
}

/** What the desk draws over the map: the shape in hand, what it is compared with, places of alerts; and its volume. */
export class Overlay {
  private readonly map: MapLibreMap;

  constructor(
    private readonly canvas: MapCanvas,
    private readonly tokens: Tokens,
  ) {
    const { map } = canvas;
    this.map = map;
    for (const id of ["plan-shape", "plan-other", "plan-gone", "plan-come", "plan-landing", "plan-spots"]) map.addSource(id, { type: "geojson", data: EMPTY });
    map.addLayer({ id: "plan-landing-fill", type: "fill", source: "plan-landing", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": tokens.working, "fill-opacity": 0.25 } });
    map.addLayer({ id: "plan-landing-line", type: "line", source: "plan-landing", paint: { "line-color": tokens.working, "line-width": 2 } });
    map.addLayer({ id: "plan-gone", type: "fill", source: "plan-gone", paint: { "fill-color": tokens["grade-red"], "fill-opacity": 0.3 } });
    map.addLayer({ id: "plan-come", type: "fill", source: "plan-come", paint: { "fill-color": tokens.working, "fill-opacity": 0.35 } });
    map.addLayer({
      id: "plan-other-line", type: "line", source: "plan-other",
      paint: { "line-color": tokens["grade-orange"], "line-width": 2, "line-dasharray": [3, 2] },
    });
    map.addLayer({ id: "plan-shape-fill", type: "fill", source: "plan-shape", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": tokens.accent, "fill-opacity": 0.18 } });
    map.addLayer({ id: "plan-shape-line", type: "line", source: "plan-shape", paint: { "line-color": tokens.accent, "line-width": 2 } });
    map.addLayer({
      id: "plan-spots", type: "circle", source: "plan-spots",
      paint: { "circle-color": tokens["grade-red"], "circle-radius": 4, "circle-opacity": 0.75, "circle-stroke-color": tokens.raised, "circle-stroke-width": 1 },
    });
  }

  show(shape: Geometry | null, low: number | null, high: number | null): void {
    this.put("plan-shape", shape === null ? [] : [shape]);
    this.canvas.show(shape === null || sortOf(shape) !== "polygon" || (low === null && high === null) ? [] : [this.volume(shape, low ?? 0, high)]);
  }

  /** What the shape is compared with, dashed, and what differs; null: nothing. */
  compare(compared: Compared | null): void {
    this.put("plan-other", compared === null ? [] : [compared.was]);
    for (const part of ["gone", "come"] as const) {
      const shape = compared?.[part] ?? null;
      this.put(`plan-${part}`, shape === null ? [] : [shape]);
    }
  }

  /** Where a file would land. */
  land(shapes: Geometry[]): void {
    this.put("plan-landing", shapes);
  }

  spots(points: readonly Point[]): void {
    this.put("plan-spots", points.length === 0 ? [] : [{ type: "MultiPoint", coordinates: [...points] }]);
  }

  private put(source: string, shapes: Geometry[]): void {
    const features = shapes.map((geometry) => ({ type: "Feature" as const, properties: {}, geometry }));
    this.map.getSource<GeoJSONSource>(source)?.setData({ type: "FeatureCollection", features });
  }

  private volume(shape: Geometry, low: number, high: number | null): PolygonLayer<Volume> {
    const parts = new Map<number, Point[][]>();
    for (const { part, points } of piecesOf(shape)) parts.set(part, [...(parts.get(part) ?? []), points]);
    const data = [...parts.values()].map((rings): Volume => ({ rings, low, high: high ?? low + OPEN_HEIGHT_M }));
    const colour = rgb(this.tokens.accent);
    return new PolygonLayer<Volume>({
      id: "plan-volume",
      data,
      extruded: true,
      wireframe: true,
      getPolygon: (volume) => volume.rings.map((ring) => ring.map(([lon, lat]) => [lon, lat, volume.low])),
      getElevation: (volume) => volume.high - volume.low,
      getFillColor: [...colour, 70],
      getLineColor: [...colour, 220],
      parameters: { depthWriteEnabled: false },
    });
  }
}
