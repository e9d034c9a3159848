import { ICON_SIZE, LOOKS, type Look } from "../live/store";

/**
 * Glyphs: simple solid shapes seen from above, on a grid of 64 × 64 with the middle at (32, 32), front up.
 * A shape with a front of its own is turned by the heading as a whole; one without stands upright, and a tick goes
 * around it. Neither points anywhere when nothing was reported.
 */
interface Shape {
  body: string;
  isUpright: boolean;
}

const disc = (x: number, y: number, r: number): string => `M${x - r} ${y}a${r} ${r} 0 1 1 ${2 * r} 0a${r} ${r} 0 1 1 ${-2 * r} 0z`;

/** The mark ahead of a body whose heading is known, clear of the body so that it reads as a pointer. */
const NOSE = "M32 -5L45 9H19z";
/** The same for an upright shape: further out, for it passes the corners. */
const TICK = "M32 -11L43 2H21z";

const SHAPES: Readonly<Record<string, Shape>> = {
  machine: { body: "M32 12L52 23V46L32 57 12 46V23z", isUpright: true },
  person: { body: `${disc(32, 21, 11)}M10 54a22 20 0 0 1 44 0z`, isUpright: true },
  vehicle: { body: "M25 13H39a8 8 0 0 1 8 8V56a5 5 0 0 1 -5 5H22a5 5 0 0 1 -5 -5V21a8 8 0 0 1 8 -8z", isUpright: false },
  drone: {
    body: `${disc(14, 20, 11)}${disc(50, 20, 11)}${disc(14, 52, 11)}${disc(50, 52, 11)}M10 23L17 15 54 49 47 57zM47 15L54 23 17 57 10 49z`,
    isUpright: false,
  },
  camera: { body: "M8 20H44V32L58 22V48L44 38V50H8z", isUpright: true },
  dot: { body: disc(32, 34, 19), isUpright: true },
};

/** A glyph's cell in the atlas: the 64-grid with room around it for the ring of an alert. */
export const CELL_PX = 96;
const MARGIN = (CELL_PX - 64) / 2;
const MIDDLE = CELL_PX / 2;

/** The shape of a kind's glyph: an unknown one is a dot. */
function shapeOf(glyph: string): Shape {
  return SHAPES[glyph] ?? SHAPES.dot;
}

/** Whether a glyph stays upright while a tick shows where its thing is heading. */
export function isUpright(glyph: string): boolean {
  return shapeOf(glyph).isUpright;
}

/** White takes the colour of the thing, black stays dark: see `EdgeExtension`. */
interface Inks {
  body: string;
  /** Dark edge that keeps neighbours apart; null: none. */
  edge: string | null;
}

/**
 * Draws one look of a glyph into a cell whose corner is the context's origin. States differ in form as well as in
 * colour: working solid, idle slit, alert ringed, off hollow, silent dashed.
 *
 * @param nose drawn together with the body; "" for none
 */
function drawCell(context: CanvasRenderingContext2D, glyph: string, look: Look, nose: string, inks: Inks): void {
  const path = new Path2D(shapeOf(glyph).body + nose);
  const isHollow = look === "off" || look === "silent";
  context.save();
  context.translate(MARGIN, MARGIN);
  drawEdge(context, path, inks, isHollow);
  context.fillStyle = context.strokeStyle = inks.body;
  if (isHollow) {
    // Only the inside of the line is kept, so that the hollow shape is not larger than the solid one.
    context.clip(path);
    context.lineWidth = 13;
    if (look === "silent") context.setLineDash([13, 7]);
    context.stroke(path);
  } else {
    context.fill(path);
  }
  if (look === "idle") {
    if (inks.edge === null) context.globalCompositeOperation = "destination-out";
    else context.fillStyle = inks.edge;
    context.clip(path);
    context.fillRect(0, 33, 64, 7);
  }
  context.restore();
  if (look === "alert") drawRing(context, inks);
}

function drawTick(context: CanvasRenderingContext2D, inks: Inks): void {
  const path = new Path2D(TICK);
  context.save();
  context.translate(MARGIN, MARGIN);
  drawEdge(context, path, inks, false);
  context.fillStyle = inks.body;
  context.fill(path);
  context.restore();
}

function drawEdge(context: CanvasRenderingContext2D, path: Path2D, { edge }: Inks, isFilled: boolean): void {
  if (edge === null) return;
  context.lineJoin = "round";
  context.strokeStyle = context.fillStyle = edge;
  context.lineWidth = 10;
  context.stroke(path);
  if (isFilled) context.fill(path);
}

function drawRing(context: CanvasRenderingContext2D, { body, edge }: Inks): void {
  context.beginPath();
  context.arc(MIDDLE, MIDDLE, MIDDLE - 5, 0, Math.PI * 2);
  if (edge !== null) {
    context.strokeStyle = edge;
    context.lineWidth = 10;
    context.stroke();
  }
  context.strokeStyle = body;
  context.lineWidth = 6;
  context.stroke();
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser cannot draw on a canvas");
  return context;
}

/**
 * All glyphs in all looks in one picture, white with a black edge: the GPU tints it. A look has two columns: without and
 * with a known heading. A glyph has two rows: what the glyph's layer draws, and the tick that goes around an upright one.
 */
export class GlyphAtlas {
  readonly canvas = document.createElement("canvas");
  private readonly glyphs = Object.keys(SHAPES);

  constructor() {
    this.canvas.width = CELL_PX * LOOKS.length * 2;
    this.canvas.height = CELL_PX * this.glyphs.length * 2;
    const context = contextOf(this.canvas);
    const inks: Inks = { body: "#ffffff", edge: "#000000" };
    const at = (column: number, row: number, draw: () => void): void => {
      context.save();
      context.translate(column * CELL_PX, row * CELL_PX);
      draw();
      context.restore();
    };
    for (const [index, glyph] of this.glyphs.entries()) {
      const nose = isUpright(glyph) ? "" : NOSE;
      for (const [column, look] of LOOKS.entries()) {
        at(column * 2, index * 2, () => drawCell(context, glyph, look, "", inks));
        at(column * 2 + 1, index * 2, () => drawCell(context, glyph, look, nose, inks));
        if (nose === "") at(column * 2 + 1, index * 2 + 1, () => drawTick(context, inks));
      }
    }
  }

  /** Icon definitions of a glyph for {@link Appearance}: for each look without and with heading. */
  icons(glyph: string): Float32Array {
    const row = this.glyphs.indexOf(glyph in SHAPES ? glyph : "dot") * 2;
    const out = new Float32Array(LOOKS.length * 2 * ICON_SIZE);
    for (let column = 0; column < LOOKS.length * 2; column++) {
      out.set([0, 0, column * CELL_PX, row * CELL_PX, CELL_PX, CELL_PX, 1], column * ICON_SIZE);
    }
    return out;
  }
}

/** A small picture of a glyph for panels and cards, in `colour`, `size` CSS pixels wide. */
export function glyphPicture(glyph: string, look: Look, colour: string, size: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const pixels = Math.round(size * Math.max(2, window.devicePixelRatio));
  canvas.width = canvas.height = pixels;
  canvas.style.width = canvas.style.height = `${size}px`;
  canvas.setAttribute("aria-hidden", "true");
  const context = contextOf(canvas);
  // Without a ring the cell's margin is empty: the picture shows the shape itself.
  const crop = look === "alert" ? 0 : MARGIN - 4;
  context.scale(pixels / (CELL_PX - crop * 2), pixels / (CELL_PX - crop * 2));
  context.translate(-crop, -crop);
  drawCell(context, glyph, look, "", { body: colour, edge: null });
  return canvas;
}
