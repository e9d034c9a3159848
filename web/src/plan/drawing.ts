import type { Map as MapLibreMap } from "maplibre-gl";
import {
  TerraDraw,
  TerraDrawAngledRectangleMode,
  TerraDrawCircleMode,
  TerraDrawFreehandLineStringMode,
  TerraDrawFreehandMode,
  TerraDrawLineStringMode,
  TerraDrawPointMode,
  TerraDrawPolygonMode,
  TerraDrawRectangleMode,
  TerraDrawSectorMode,
  TerraDrawSelectMode,
  type GeoJSONStoreFeatures,
  type TerraDrawMouseEvent,
} from "terra-draw";
import { TerraDrawMapLibreGLAdapter } from "terra-draw-maplibre-gl-adapter";
import type { Tokens } from "../tokens";
import { type Figure, type Geometry, type Piece, type Point, type Ring, assemble, figureOf, moved, piecesOf, rounded } from "./geometry";

export type Tool =
  | "point" | "line" | "freehand-line" | "polygon" | "freehand" | "circle" | "rectangle" | "angled-rectangle" | "sector" | "corridor" | "knife" | "hole";

/** More points than this are not given handles: the page would crawl. */
export const MOST_HANDLES = 3000;
const SNAP_PX = 12;

const MODES: Record<Tool, string> = {
  point: "point", line: "linestring", "freehand-line": "freehand-linestring", polygon: "polygon", freehand: "freehand", circle: "circle", rectangle: "rectangle",
  "angled-rectangle": "angled-rectangle", sector: "sector", corridor: "linestring", knife: "linestring", hole: "polygon",
};
const SORTS = { point: "point", line: "linestring", "freehand-line": "freehand-linestring", polygon: "polygon" } as const;

interface Handlers {
  /** Something was drawn; `figure`: in numbers, where the tool says it so. */
  onDrawn(tool: Tool, shape: Geometry, figure: Figure | null): void;
  /** What is shown was edited by hand. */
  onEdited(shape: Geometry, figure: Figure | null): void;
  /** Corners of other areas near a place, to snap to. */
  cornersNear(x: number, y: number): Point[];
  /** What the hand has drawn so far. */
  onSketch?(shape: Geometry): void;
}

/** The hand on the map: draws new shapes, and moves the points of the one that is shown. */
export class Drawing {
  tool: Tool | null = null;
  private readonly draw: TerraDraw;
  private figure: Figure | null = null;
  private before: Point | null = null;

  constructor(
    private readonly map: MapLibreMap,
    colours: Tokens,
    private readonly handlers: Handlers,
  ) {
    const accent = colours.accent as `#${string}`;
    const paper = colours.raised as `#${string}`;
    const styles = {
      fillColor: accent, fillOpacity: 0, outlineColor: accent, outlineWidth: 2,
      closingPointColor: paper, closingPointOutlineColor: accent, closingPointWidth: 5, closingPointOutlineWidth: 2,
    } as const;
    const snapping = { toCoordinate: true, toLine: true, toCustom: (event: TerraDrawMouseEvent) => this.snap(event) };
    const coordinates = { midpoints: true, draggable: true, deletable: true, snappable: snapping };
    const select = {
      selectedPolygonColor: accent, selectedPolygonFillOpacity: 0, selectedPolygonOutlineColor: accent, selectedPolygonOutlineWidth: 2.5,
      selectedLineStringColor: accent, selectedLineStringWidth: 3, selectedPointColor: accent, selectedPointWidth: 8,
      selectionPointColor: paper, selectionPointOutlineColor: accent, selectionPointWidth: 5, selectionPointOutlineWidth: 2,
      midPointColor: accent, midPointOutlineColor: paper, midPointWidth: 3, midPointOutlineWidth: 1,
    } as const;
    this.draw = new TerraDraw({
      adapter: new TerraDrawMapLibreGLAdapter({ map }),
      modes: [
        new TerraDrawPointMode({ styles: { pointColor: accent, pointWidth: 7, pointOutlineColor: paper, pointOutlineWidth: 2 } }),
        new TerraDrawLineStringMode({ snapping, styles: { lineStringColor: accent, lineStringWidth: 3 } }),
        new TerraDrawPolygonMode({ snapping, styles }),
        new TerraDrawFreehandMode({ styles }),
        new TerraDrawFreehandLineStringMode({ styles: { lineStringColor: accent, lineStringWidth: 3 } }),
        new TerraDrawCircleMode({ styles, segments: 96 }),
        new TerraDrawRectangleMode({ styles }),
        new TerraDrawAngledRectangleMode({ styles }),
        new TerraDrawSectorMode({ styles }),
        new TerraDrawSelectMode({
          styles: select,
          flags: {
            polygon: { feature: { draggable: true, coordinates } },
            linestring: { feature: { draggable: true, coordinates } },
            point: { feature: { draggable: true } },
            circle: { feature: { draggable: true } },
          },
          keyEvents: { deselect: null, delete: null, rotate: null, scale: null },
        }),
      ],
    });
    this.draw.start();
    this.draw.setMode("select");
    this.draw.on("finish", (id, { action }) => this.finish(String(id), action));
    this.draw.on("change", (ids, type) => {
      if (this.tool === null || type === "delete") return;
      const drawn = ids.map((id) => this.draw.getSnapshotFeature(id)).find((each) => each?.properties.mode === MODES[this.tool ?? "point"]);
      if (drawn !== undefined) this.handlers.onSketch?.(drawn.geometry as Geometry);
    });
    this.draw.on("select", (id) => {
      this.before = firstPoint(this.draw.getSnapshotFeature(id));
    });
  }

  /** Begins to draw. */
  start(tool: Tool): void {
    this.tool = tool;
    this.draw.setMode(MODES[tool]);
  }

  /** Back to editing by hand; what was begun is forgotten. */
  stop(): void {
    this.tool = null;
    this.draw.setMode("select");
  }

  /** Shows a shape with its handles; null: none. */
  show(shape: Geometry | null, figure: Figure | null): void {
    this.figure = figure;
    this.draw.clear();
    this.stop();
    const edited = figure?.type === "corridor" && figure.line ? figure.line : shape;
    if (edited === null) return;
    const pieces = piecesOf(edited);
    if (pieces.reduce((sum, { points }) => sum + points.length, 0) > MOST_HANDLES) return;
    const isWhole = figure !== null && figure.type !== "corridor";
    const features = pieces.map((piece, order) => feature(piece, order, isWhole ? "circle" : SORTS[piece.sort]));
    const refused = this.draw.addFeatures(features).some(({ valid }) => !valid);
    if (!refused && features.length === 1) {
      const [only] = this.draw.getSnapshot();
      if (only?.id !== undefined) this.draw.selectFeature(only.id);
    }
  }

  private finish(id: string, action: string): void {
    const drawn = this.draw.getSnapshotFeature(id);
    if (drawn === undefined) return;
    if (action !== "draw") {
      this.edited(drawn);
      return;
    }
    const { tool } = this;
    const shape = drawn.geometry as Geometry;
    // Not now: the library is still at work on the feature that it told of.
    queueMicrotask(() => {
      this.draw.removeFeatures([id]);
      this.stop();
      if (tool === null) return;
      const figure = shape.type === "Polygon" ? figureOf(tool, shape.coordinates[0]) : null;
      this.handlers.onDrawn(tool, shape, figure);
    });
  }

  private edited(changed: GeoJSONStoreFeatures): void {
    const pieces = this.draw
      .getSnapshot()
      .filter(({ properties }) => typeof properties.order === "number")
      .sort((a, b) => Number(a.properties.order) - Number(b.properties.order))
      .map(pieceOf);
    const shape = assemble(pieces);
    if (shape === null) return;
    const { figure } = this;
    if (figure === null) {
      this.handlers.onEdited(shape, null);
    } else if (figure.type === "corridor") {
      this.handlers.onEdited(shape, { ...figure, line: shape });
    } else if (this.before !== null) {
      const now = firstPoint(changed) ?? this.before;
      const [east, north] = [now[0] - this.before[0], now[1] - this.before[1]];
      this.before = now;
      this.handlers.onEdited(shape, moved(figure, east, north));
    }
  }

  private snap({ containerX, containerY }: TerraDrawMouseEvent): Point | undefined {
    let best: Point | undefined;
    let least = SNAP_PX;
    for (const corner of this.handlers.cornersNear(containerX, containerY)) {
      const { x, y } = this.map.project(corner);
      const distance = Math.hypot(x - containerX, y - containerY);
      if (distance < least) {
        least = distance;
        best = rounded([corner])[0];
      }
    }
    return best;
  }
}

function feature({ sort, part, points }: Piece, order: number, mode: string): GeoJSONStoreFeatures {
  const exact = rounded(points);
  const geometry =
    sort === "point"
      ? { type: "Point" as const, coordinates: exact[0] }
      : sort === "line"
        ? { type: "LineString" as const, coordinates: exact }
        : { type: "Polygon" as const, coordinates: [exact] };
  return { type: "Feature", geometry, properties: { mode, part, order } };
}

function pieceOf({ geometry, properties }: GeoJSONStoreFeatures): Piece {
  const part = Number(properties.part);
  switch (geometry.type) {
    case "Point":
      return { sort: "point", part, points: [geometry.coordinates as Point] };
    case "LineString":
      return { sort: "line", part, points: geometry.coordinates as Ring };
    case "Polygon":
      return { sort: "polygon", part, points: geometry.coordinates[0] as Ring };
  }
}

function firstPoint(found: GeoJSONStoreFeatures | undefined): Point | null {
  return found === undefined ? null : pieceOf(found).points[0];
}
