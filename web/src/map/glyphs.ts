import { ICON_SIZE, LOOKS, type Look } from "../live/store";

/**
 * Glyphs: simple solid shapes seen from above, on a grid of 64 × 64 with the middle at (32, 32), front up.
 * `front` is added when the heading is known, so that no shape points where nothing was reported.
 */
interface Shape {
  body: string;
  front: string;
}

const disc = (x: number, y: number, r: number): string => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
const NOSE = "M32 1L42 13H22z";

const SHAPES: Readonly<Record<string, Shape>> = {
  machine: { body: "M21 17H43L55 34 43 52H21L9 34z", front: "M32 0L43 13H21z" },
  person: { body: `${disc(32, 26, 12)}M10 55a22 20 0 0 1 44 0z`, front: "M32 -1L41 10H23z" },
  vehicle: { body: "M24 12H40a6 6 0 0 1 6 6V54a6 6 0 0 1 -6 6H24a6 6 0 0 1 -6 -6V18a6 6 0 0 1 6 -6z", front: "M32 -3L44 9H20z" },
  drone: {
    body: `${disc(15, 17, 11)}${disc(49, 17, 11)}${disc(15, 51, 11)}${disc(49, 51, 11)}M13 21L19 15 51 47 45 53zM45 15L51 21 19 53 13 47z`,
    front: NOSE,
  },
  dot: { body: disc(32, 34, 17), front: "M32 1L43 14H21z" },
};

/** A glyph's cell in the atlas: the 64-grid with room around it for the ring of an alert. */
export const CELL_PX = 96;
const MARGIN = (CELL_PX - 64) / 2;
const MIDDLE = CELL_PX / 2;

/** The shape's name for a kind: an unknown one is a dot. */
function shapeOf(glyph: string): Shape {
  return SHAPES[glyph] ?? SHAPES.dot;
}

/**
 * Draws one look of a glyph in white into a cell whose corner is the context's origin. States differ in
 * form as well as in colour: working solid, idle slit, alert ringed, off hollow, silent dashed.
 */
function drawCell(context: CanvasRenderingContext2D, glyph: string, look: Look, isTurned: boolean): void {
  const shape = shapeOf(glyph);
  const path = new Path2D(isTurned ? shape.body + shape.front : shape.body);
  context.save();
  context.translate(MARGIN, MARGIN);
  context.lineJoin = "round";
  if (look === "off" || look === "silent") {
    // Only the inside of the line is kept, so that the hollow shape is not larger than the solid one.
    context.clip(path);
    context.lineWidth = 13;
    if (look === "silent") context.setLineDash([14, 8]);
    context.stroke(path);
  } else {
    context.fill(path);
  }
  if (look === "idle") {
    context.globalCompositeOperation = "destination-out";
    context.fillRect(0, 31, 64, 7);
  }
  context.restore();
  if (look === "alert") {
    context.lineWidth = 6;
    context.beginPath();
    context.arc(MIDDLE, MIDDLE, MIDDLE - 5, 0, Math.PI * 2);
    context.stroke();
  }
}

function whiteContext(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser cannot draw on a canvas");
  context.fillStyle = context.strokeStyle = "#ffffff";
  return context;
}

/** All glyphs in all looks in one picture, white: the GPU tints it. */
export class GlyphAtlas {
  readonly canvas = document.createElement("canvas");
  private readonly rows: string[];

  constructor() {
    this.rows = Object.keys(SHAPES);
    this.canvas.width = CELL_PX * LOOKS.length * 2;
    this.canvas.height = CELL_PX * this.rows.length;
    const context = whiteContext(this.canvas);
    for (const [row, glyph] of this.rows.entries()) {
      for (const [column, look] of LOOKS.entries()) {
        for (const isTurned of [false, true]) {
          context.save();
          context.translate((column * 2 + (isTurned ? 1 : 0)) * CELL_PX, row * CELL_PX);
          drawCell(context, glyph, look, isTurned);
          context.restore();
        }
      }
    }
  }

  /** Icon definitions of a glyph for {@link Appearance}: for each look without and with heading. */
  icons(glyph: string): Float32Array {
    const row = Math.max(0, this.rows.indexOf(glyph in SHAPES ? glyph : "dot"));
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
  const context = whiteContext(canvas);
  context.fillStyle = context.strokeStyle = colour;
  context.scale(pixels / CELL_PX, pixels / CELL_PX);
  drawCell(context, glyph, look, false);
  return canvas;
}
