import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent } from "maplibre-gl";
import type { Tokens } from "../../tokens";
import { type LonLat, type Tool, gestureOf, outline } from "./questions";

const SHAPE = "ask-shape";
const FOUND = "ask-found";
/** A freehand stroke takes a point each so many pixels. */
const STEP_PX = 4;
const NOTHING: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

/** Draws a question on the map by hand, and shows what was asked and found. */
export class Sketch {
  private tool: Tool | null = null;
  private points: LonLat[] = [];
  private isDown = false;
  private at: { x: number; y: number } = { x: 0, y: 0 };

  /** @param onDone called with the tool and its points when the drawing is finished */
  constructor(
    private readonly map: MapLibreMap,
    tokens: Tokens,
    scale: number,
    private readonly onDone: (tool: Tool, points: LonLat[], pixel: { x: number; y: number }) => void,
  ) {
    for (const id of [SHAPE, FOUND]) map.addSource(id, { type: "geojson", data: NOTHING });
    map.addLayer({ id: `${SHAPE}-fill`, type: "fill", source: SHAPE, filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": tokens.accent, "fill-opacity": 0.1 } });
    map.addLayer({ id: `${SHAPE}-line`, type: "line", source: SHAPE, paint: { "line-color": tokens.accent, "line-width": 2 * scale, "line-dasharray": [2, 1.5] } });
    map.addLayer({ id: `${SHAPE}-point`, type: "circle", source: SHAPE, filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 4 * scale, "circle-color": tokens.accent } });
    map.addLayer({
      id: FOUND, type: "circle", source: FOUND,
      paint: { "circle-radius": 9 * scale, "circle-opacity": 0, "circle-stroke-color": tokens.accent, "circle-stroke-width": 2 * scale },
    });
    map.on("mousedown", (event) => this.down(event));
    map.on("mousemove", (event) => this.move(event));
    map.on("mouseup", (event) => this.up(event));
    map.on("touchstart", (event) => event.points.length === 1 && this.down(event as unknown as MapMouseEvent));
    map.on("touchmove", (event) => this.move(event as unknown as MapMouseEvent));
    map.on("touchend", (event) => this.up(event as unknown as MapMouseEvent));
    map.on("dblclick", (event) => {
      if (this.tool === null || gestureOf(this.tool) !== "points") return;
      event.preventDefault();
      this.finish();
    });
  }

  /** Whether a hand is drawing: clicks mean nothing else. */
  get isDrawing(): boolean {
    return this.tool !== null;
  }

  /** Takes up a tool; null: lays it down. */
  take(tool: Tool | null): void {
    this.tool = tool;
    this.points = [];
    this.isDown = false;
    const isDrawn = tool !== null && gestureOf(tool) !== "none";
    if (!isDrawn) this.tool = null;
    if (isDrawn) this.map.dragPan.disable();
    else this.map.dragPan.enable();
    this.map.getCanvasContainer().classList.toggle("asking", isDrawn);
  }

  /** Shows what was asked, and where what was found is. */
  show(shape: GeoJSON.Geometry | null, found: readonly LonLat[]): void {
    this.put(SHAPE, shape === null ? [] : [shape]);
    this.put(FOUND, found.map((coordinates) => ({ type: "Point", coordinates })));
  }

  /** Ends a line that is drawn point by point. */
  finish(): void {
    const { tool } = this;
    const points = this.points.filter(([lon, lat], i, all) => i === 0 || lon !== all[i - 1][0] || lat !== all[i - 1][1]);
    if (tool === null || points.length < (gestureOf(tool) === "free" ? 3 : 2)) return;
    this.take(null);
    this.onDone(tool, points, this.at);
  }

  private down(event: MapMouseEvent): void {
    if (this.tool === null) return;
    event.preventDefault();
    this.at = event.point;
    const here = placeOf(event);
    switch (gestureOf(this.tool)) {
      case "point": {
        const { tool } = this;
        this.take(null);
        this.onDone(tool, [here], event.point);
        return;
      }
      case "points":
        this.points.push(here);
        break;
      default:
        this.points = [here];
        this.isDown = true;
    }
    this.draw();
  }

  private move(event: MapMouseEvent): void {
    if (this.tool === null || !this.isDown) return;
    const here = placeOf(event);
    if (gestureOf(this.tool) === "pull") this.points = [this.points[0], here];
    else if (Math.hypot(event.point.x - this.at.x, event.point.y - this.at.y) >= STEP_PX) this.points.push(here);
    else return;
    this.at = event.point;
    this.draw();
  }

  private up(event: MapMouseEvent): void {
    if (this.tool === null || !this.isDown) return;
    this.isDown = false;
    if (gestureOf(this.tool) === "pull" && this.points.length === 1) this.points.push(placeOf(event));
    this.finish();
  }

  private draw(): void {
    if (this.tool !== null) this.show(outline(this.tool, this.points), []);
  }

  private put(source: string, shapes: GeoJSON.Geometry[]): void {
    const features = shapes.map((geometry) => ({ type: "Feature" as const, geometry, properties: {} }));
    this.map.getSource<GeoJSONSource>(source)?.setData({ type: "FeatureCollection", features });
  }
}

function placeOf({ lngLat }: MapMouseEvent): LonLat {
  return [lngLat.lng, lngLat.lat];
}
