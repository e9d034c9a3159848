import type { TokenName, Tokens } from "../../tokens";
import { type Grade, SIGNS } from "../alerts";

/** Lines are told apart by their strokes, too: lengths of ink and gap in units of the line's width; none: solid. */
const DASHES: readonly (readonly number[])[] = [[], [5, 2.5], [1.5, 2], [6, 2, 1.5, 2], [10, 3], [2, 5]];

/** The stroke of the i-th line of a chart, `width` CSS pixels wide. */
export function dash(i: number, width: number): number[] {
  return DASHES[i % DASHES.length].map((part) => part * width);
}

/** The sign of a grade; "" for a series that is no grade. */
export function signOf(key: string): string {
  return SIGNS[Number(key) as Grade] ?? "";
}

/** The same sign as a mark on a line, by its name in ECharts. */
export function markOf(key: string): string {
  return { "1": "triangle", "2": "diamond", "3": "circle", "4": "rect" }[key] ?? "circle";
}

export function colourOf(name: string, tokens: Tokens): string {
  return tokens[name as TokenName] ?? tokens.quiet;
}

/** A piece of a line as the chart draws it, for the names beside it. */
export function strokePicture(i: number, colour: string, width: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [width * 11, width * 4];
  canvas.width = Math.round(w * ratio);
  canvas.height = Math.round(h * ratio);
  canvas.style.width = `${w}px`;
  canvas.style.height = `${h}px`;
  canvas.setAttribute("aria-hidden", "true");
  const brush = canvas.getContext("2d");
  if (brush !== null) {
    brush.scale(ratio, ratio);
    brush.strokeStyle = colour;
    brush.lineWidth = width;
    brush.setLineDash(dash(i, width));
    brush.beginPath();
    brush.moveTo(0, h / 2);
    brush.lineTo(w, h / 2);
    brush.stroke();
  }
  return canvas;
}
