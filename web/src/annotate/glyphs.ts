/** Signs of the symbols: simple white shapes on a grid of 64 × 64, on a badge of the symbol's colour. */
const disc = (x: number, y: number, r: number): string => `M${x - r} ${y}a${r} ${r} 0 1 1 ${2 * r} 0a${r} ${r} 0 1 1 ${-2 * r} 0z`;

const GLYPHS: Readonly<Record<string, string>> = {
  pin: disc(32, 32, 11),
  camera: `M14 24H23L27 18H37L41 24H50V46H14zM32 27a8 8 0 1 0 0 16a8 8 0 1 0 0-16z`,
  pollution: `M32 12C40 24 47 31 47 39A15 14 0 0 1 17 39C17 31 24 24 32 12zM30 27V40H34V27zM30 43V47H34V43z`,
  fire: "M33 10C36 20 48 26 47 39A15 14 0 0 1 17 39C17 31 22 28 24 22C27 25 28 28 28 30C32 26 34 18 33 10zM32 36C29 40 27 41 27 44A5 5 0 0 0 37 44C37 41 34 40 32 36z",
  casualties: `${disc(32, 18, 7)}M20 52V38A12 10 0 0 1 44 38V52H36V42H28V52z`,
  flag: "M20 12H24V16H48L42 25L48 34H24V52H20z",
  assembly: "M29 12H35V24L41 19L44 24L32 34L20 24L23 19L29 24zM16 38H22V46H42V38H48V52H16z",
  medical: "M26 14H38V26H50V38H38V50H26V38H14V26H26z",
  shelter: "M32 12L52 30H46V50H36V38H28V50H18V30H12z",
  water: "M32 12C41 26 46 32 46 38A14 14 0 0 1 18 38C18 32 23 26 32 12z",
  checkpoint: "M12 26H52V36H12zM18 36H23V50H18zM41 36H46V50H41zM18 16H23V26H18zM41 16H46V26H41z",
  spread: "M28 20H36V28H44V36H36V44H28V36H20V28H28zM32 8L38 16H26zM32 56L26 48H38zM8 32L16 26V38zM56 32L48 38V26z",
  cordon: "M16 16L23 13L50 48L43 51zM41 13L48 16L21 51L14 48z",
};

/** A badge's cell in the atlas. */
export const SIGN_PX = 112;
const MIDDLE = SIGN_PX / 2;
const RADIUS = 44;
/** Colours whose badges are diamonds: danger has a form of its own beside its colour. */
const DANGER = new Set(["red", "orange", "yellow"]);

function badge(context: CanvasRenderingContext2D, radius: number, isDanger: boolean): void {
  context.beginPath();
  if (isDanger) {
    const reach = radius * 1.16;
    const round = radius * 0.28;
    context.moveTo(MIDDLE - reach + round, MIDDLE - round);
    for (const [x, y] of [[0, -1], [1, 0], [0, 1], [-1, 0]]) context.arcTo(MIDDLE + x * reach, MIDDLE + y * reach, MIDDLE + (x - y) * reach, MIDDLE + (y + x) * reach, round);
    context.closePath();
  } else {
    context.arc(MIDDLE, MIDDLE, radius, 0, Math.PI * 2);
  }
}

function draw(context: CanvasRenderingContext2D, glyph: string, fill: string, ink: string, edge: string, isDanger: boolean): void {
  badge(context, RADIUS + 6, isDanger);
  context.fillStyle = edge;
  context.fill();
  badge(context, RADIUS, isDanger);
  context.fillStyle = fill;
  context.fill();
  context.save();
  const size = isDanger ? 0.92 : 1.06;
  context.translate(MIDDLE - 32 * size, MIDDLE - 32 * size);
  context.scale(size, size);
  context.fillStyle = ink;
  context.fill(new Path2D(GLYPHS[glyph] ?? GLYPHS.pin), "evenodd");
  context.restore();
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser cannot draw on a canvas");
  return context;
}

interface Inks {
  /** By name of the colour. */
  fills: Readonly<Record<string, string>>;
  ink: string;
  edge: string;
}

/** All signs in all colours in one picture, for the map. */
export class SignAtlas {
  readonly canvas = document.createElement("canvas");
  readonly mapping: Record<string, { x: number; y: number; width: number; height: number; anchorY: number }> = {};

  constructor({ fills, ink, edge }: Inks) {
    const glyphs = Object.keys(GLYPHS);
    const colours = Object.keys(fills);
    this.canvas.width = SIGN_PX * glyphs.length;
    this.canvas.height = SIGN_PX * colours.length;
    const context = contextOf(this.canvas);
    for (const [column, glyph] of glyphs.entries()) {
      for (const [row, colour] of colours.entries()) {
        context.save();
        context.translate(column * SIGN_PX, row * SIGN_PX);
        draw(context, glyph, fills[colour], ink, edge, DANGER.has(colour));
        context.restore();
        this.mapping[`${glyph}-${colour}`] = { x: column * SIGN_PX, y: row * SIGN_PX, width: SIGN_PX, height: SIGN_PX, anchorY: MIDDLE };
      }
    }
  }
}

/** What stands for a symbol in the palette and in lists: its sign, or a piece of its line or face. */
export function symbolPicture(
  { glyph, sort, stroke, key }: { glyph: string; sort: string; stroke: string; key: string },
  colour: string,
  { fills, ink, edge }: Inks,
  size: number,
): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const pixels = Math.round(size * Math.max(2, window.devicePixelRatio));
  canvas.width = canvas.height = pixels;
  canvas.style.width = canvas.style.height = `${size}px`;
  canvas.setAttribute("aria-hidden", "true");
  const context = contextOf(canvas);
  context.scale(pixels / SIGN_PX, pixels / SIGN_PX);
  context.strokeStyle = context.fillStyle = fills[colour];
  context.lineWidth = 11;
  context.lineJoin = context.lineCap = "round";
  if (sort === "point" && glyph !== "") {
    draw(context, glyph, fills[colour], ink, edge, DANGER.has(colour));
    return canvas;
  }
  if (key === "text") {
    context.font = `600 84px "Noto Sans SC Variable", sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText("T", MIDDLE, MIDDLE + 4);
    return canvas;
  }
  if (stroke === "dashed") {
    context.lineCap = "butt";
    context.setLineDash([20, 11]);
  }
  context.beginPath();
  if (sort === "polygon") {
    context.moveTo(20, 34);
    for (const [x, y] of [[76, 18], [96, 66], [60, 96], [18, 78]]) context.lineTo(x, y);
    context.closePath();
    context.globalAlpha = 0.3;
    context.fill();
    context.globalAlpha = 1;
  } else {
    context.moveTo(14, 94);
    context.lineTo(50, 44);
    context.lineTo(96, 20);
  }
  context.stroke();
  if (stroke === "arrow") {
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(66, 18);
    context.lineTo(98, 19);
    context.lineTo(82, 47);
    context.stroke();
  }
  return canvas;
}
