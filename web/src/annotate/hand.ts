import type { Map as MapLibreMap } from "maplibre-gl";
import type { Drawing, Tool } from "../plan/drawing";
import type { Geometry } from "../plan/geometry";
import type { Tokens } from "../tokens";
import { thinned } from "./measure";
import type { LonLat, Shape, SymbolInfo } from "./records";

/** What is being drawn is told of so often, ms… */
const TOLD_MS = 200;
/** …again after so long, for as long as it is in hand: others forget what goes silent… */
const AGAIN_MS = 6000;
/** …and with no more points than this. */
const MOST_TOLD = 250;

interface Handlers {
  onDrawn(shape: Shape): void;
  onEdited(shape: Shape): void;
  /** Points of what the hand draws just now; none: it has stopped. */
  onSketch(points: LonLat[]): void;
}

/** The hand on the map: the planners' drawing, loaded when it is first needed. */
export class Hand {
  /** Whether the hand has taken up a symbol: clicks mean nothing else. */
  isDrawing = false;
  private drawing: Drawing | null = null;
  private loading: Promise<Drawing> | null = null;
  private toldAt = 0;
  private sketched: LonLat[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly map: MapLibreMap,
    private readonly tokens: Tokens,
    private readonly handlers: Handlers,
  ) {}

  /** Takes up a symbol; a line or face is drawn freely, or point by point. */
  async start(symbol: SymbolInfo, isFree: boolean): Promise<void> {
    this.isDrawing = true;
    const drawing = await this.load();
    if (this.isDrawing) drawing.start(toolOf(symbol, isFree));
  }

  /** Lays it down; what was begun is forgotten. */
  stop(): void {
    this.isDrawing = false;
    this.drawing?.show(null, null);
    this.tell([]);
  }

  /** Gives a shape handles. */
  async edit(shape: Shape): Promise<void> {
    this.isDrawing = false;
    (await this.load()).show(shape as Geometry, null);
  }

  /** Once a second: what is still in hand is told again. */
  tick(): void {
    if (this.sketched.length > 0 && performance.now() - this.toldAt > AGAIN_MS) this.say();
  }

  private load(): Promise<Drawing> {
    this.loading ??= import("../plan/drawing").then(({ Drawing }) => {
      this.drawing = new Drawing(this.map, this.tokens, {
        onDrawn: (_tool, shape) => {
          this.isDrawing = false;
          this.handlers.onDrawn(shape as Shape);
        },
        onEdited: (shape) => {
          this.handlers.onEdited(shape as Shape);
          this.tell(pathOf(shape));
        },
        cornersNear: () => [],
        onSketch: (shape) => this.isDrawing && this.tell(pathOf(shape)),
      });
      return this.drawing;
    });
    return this.loading;
  }

  /** Tells of the newest points, not too often; that there are none, at once. */
  private tell(points: LonLat[]): void {
    clearTimeout(this.timer);
    const wasTold = this.sketched.length > 0;
    this.sketched = thinned(points, MOST_TOLD);
    if (points.length === 0) {
      if (wasTold) this.handlers.onSketch([]);
      return;
    }
    const wait = this.toldAt + TOLD_MS - performance.now();
    if (wait <= 0) this.say();
    else this.timer = setTimeout(() => this.say(), wait);
  }

  private say(): void {
    this.toldAt = performance.now();
    this.handlers.onSketch(this.sketched);
  }
}

function toolOf({ sort }: SymbolInfo, isFree: boolean): Tool {
  if (sort === "point") return "point";
  if (sort === "line") return isFree ? "freehand-line" : "line";
  return isFree ? "freehand" : "polygon";
}

const DIGITS = 1e6;

function pathOf(shape: Geometry): LonLat[] {
  const path: LonLat[] = shape.type === "Point" ? [shape.coordinates] : shape.type === "LineString" ? shape.coordinates : shape.type === "Polygon" ? shape.coordinates[0] : [];
  return path.map(([lon, lat]) => [Math.round(lon * DIGITS) / DIGITS, Math.round(lat * DIGITS) / DIGITS]);
}
