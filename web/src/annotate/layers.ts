import type { Layer } from "@deck.gl/core";
import { IconLayer, PathLayer, PolygonLayer } from "@deck.gl/layers";
import { type Label, Lettering } from "../map/lettering";
import { type Rgb, type Tokens, rgb } from "../tokens";
import { SIGN_PX, SignAtlas } from "./glyphs";
import { areaText, arrowHead, centreOf, dashes, lengthText, metresPerPixel, middleOf } from "./measure";
import { type Annotation, type LonLat, type Stroke, type SymbolInfo, pointsOf } from "./records";

/** Prefix of the ids of layers whose picked object is a {@link Drawn}. */
export const ANNOTATIONS = "annotation-";
/** From this zoom on names stand beside signs, and beside lines and faces that are named. */
const NAMES_ZOOM = 10;
const DASH_PX = 14;
const GAP_PX = 8;
const HEAD_PX = 20;
const AT_REST: Label["glide"] = [0, 0, 0];
const HIDDEN_ALPHA = 90;

/** One annotation, or one in hand, as it is drawn. */
export interface Drawn {
  id: number;
  path: LonLat[];
  colour: [number, number, number, number];
}

/** What is drawn. */
export interface Scene {
  annotations: readonly Annotation[];
  strokes: readonly Stroke[];
  /** The one in hand: drawn as it is to be, with the library's handles; null: none. */
  draft: Annotation | null;
  selected: number | null;
  zoom: number;
}

/** Colours of annotations by name. */
export function fillsOf(tokens: Tokens): Record<string, string> {
  return {
    accent: tokens.accent, red: tokens["grade-red"], orange: tokens["grade-orange"], yellow: tokens["grade-yellow"],
    blue: tokens["grade-blue"], green: tokens.working, white: tokens.text,
  };
}

/** Makes the deck.gl layers of annotations: faces and lines beneath what moves, signs and names above it. */
export class AnnotationLayers {
  symbols: ReadonlyMap<string, SymbolInfo> = new Map();
  private readonly colours: Record<string, Rgb>;
  private readonly atlas: SignAtlas;
  private readonly lettering: Lettering;

  /**
   * @param scale enlarges lines, signs and names on a wall
   * @param onChange called when there is more to draw
   */
  constructor(
    tokens: Tokens,
    private readonly scale: number,
    onChange: () => void,
  ) {
    const fills = fillsOf(tokens);
    this.colours = Object.fromEntries(Object.entries(fills).map(([name, hex]) => [name, rgb(hex)]));
    this.atlas = new SignAtlas({ fills, ink: tokens.ground, edge: tokens.ground });
    this.lettering = new Lettering(tokens, onChange);
  }

  /** Faces and lines. */
  below({ annotations, strokes, draft, selected, zoom }: Scene): Layer[] {
    const { scale } = this;
    const faces: Drawn[] = [];
    const lines: Drawn[] = [];
    for (const each of withDraft(annotations, draft)) {
      if (each.shape.type === "Point") continue;
      const path = pointsOf(each.shape);
      const colour = this.colourOf(each, each.hidden ? HIDDEN_ALPHA : 255);
      if (each.shape.type === "Polygon") faces.push({ id: each.id, path, colour: [colour[0], colour[1], colour[2], each.id === selected ? 62 : 34] });
      for (const piece of this.strokesOf(each.kind, path, zoom)) lines.push({ id: each.id, path: piece, colour });
    }
    for (const { kind, points } of strokes) {
      const colour = this.symbolColour(kind, 200);
      if (points.length > 1) lines.push({ id: 0, path: points, colour });
    }
    const width = (id: number): number => (id !== 0 && id === selected ? 5 : 3.2) * scale;
    return [
      new PolygonLayer<Drawn>({
        id: `${ANNOTATIONS}faces`, data: faces, getPolygon: ({ path }) => path, getFillColor: ({ colour }) => colour, stroked: false, pickable: true,
        updateTriggers: { getFillColor: [selected] },
      }),
      // A dark rim keeps a line legible over a bright base map, and at five metres.
      new PathLayer<Drawn>({
        id: "annotate-rims", data: lines, getPath: ({ path }) => path, getColor: [11, 18, 32, 150], getWidth: ({ id }) => width(id) + 3 * scale,
        widthUnits: "pixels", capRounded: true, jointRounded: true, updateTriggers: { getWidth: [selected] },
      }),
      new PathLayer<Drawn>({
        id: `${ANNOTATIONS}lines`, data: lines, getPath: ({ path }) => path, getColor: ({ colour }) => colour, getWidth: ({ id }) => width(id),
        widthUnits: "pixels", capRounded: true, jointRounded: true, pickable: true, updateTriggers: { getWidth: [selected] },
      }),
    ];
  }

  /** Signs and names. */
  above({ annotations, strokes, draft, selected, zoom }: Scene): Layer[] {
    const { scale } = this;
    const size = Math.min(40, Math.max(28, 30 + (zoom - 11) * 2)) * scale;
    const signs: (Annotation & { at: LonLat; icon: string })[] = [];
    const labels: Label[] = [];
    for (const each of withDraft(annotations, draft)) {
      const symbol = this.symbols.get(each.kind);
      if (symbol === undefined) continue;
      const at = placeOf(each);
      const colour = this.colourName(each);
      if (symbol.glyph !== "") signs.push({ ...each, at, icon: `${symbol.glyph}-${colour}` });
      const isText = each.kind === "text";
      const words = this.words(each, symbol, zoom);
      const below = symbol.glyph !== "" ? size * 0.55 + 11 * scale : 0;
      labels.push(
        ...words.map((text, i): Label => ({
          text, position: at, glide: AT_REST, size: (isText ? 19 : 14) * scale, shift: [0, below + i * 18 * scale],
          colour: isText || i > 0 ? this.colours[colour] : this.colours.white,
        })),
      );
    }
    for (const { kind, points, author } of strokes) {
      const at = points[points.length - 1];
      labels.push({ text: `✎ ${author.name}`, position: at, glide: AT_REST, size: 14 * scale, shift: [0, -16 * scale], colour: this.colours[this.symbols.get(kind)?.colour ?? "white"] });
    }
    return [
      new IconLayer<(typeof signs)[number]>({
        id: `${ANNOTATIONS}signs`, data: signs, iconAtlas: this.atlas.canvas as never, iconMapping: this.atlas.mapping, getIcon: ({ icon }) => icon,
        getPosition: ({ at }) => at, getSize: ({ id }) => (id === selected ? size * 1.25 : size) * (SIGN_PX / 100), sizeUnits: "pixels",
        getColor: ({ hidden }) => [255, 255, 255, hidden ? HIDDEN_ALPHA : 255], pickable: true, updateTriggers: { getSize: [selected, size] },
        parameters: { depthCompare: "always" },
      }),
      ...this.lettering.layers("annotate-names", labels, () => 0),
    ];
  }

  /** Name of the colour in which one is drawn. */
  colourName({ kind, colour }: { kind: string; colour: string }): string {
    const name = colour || (this.symbols.get(kind)?.colour ?? "");
    return name in this.colours ? name : "accent";
  }

  private words(annotation: Annotation, symbol: SymbolInfo, zoom: number): string[] {
    const { title, length_m, area_m2 } = annotation;
    const words = annotation.kind === "text" || zoom >= NAMES_ZOOM ? [title] : [];
    if (symbol.measured && area_m2 !== null) words.push(areaText(area_m2));
    else if (symbol.measured && length_m !== null) words.push(lengthText(length_m));
    return words.filter((word) => word !== "");
  }

  private colourOf(annotation: Annotation, alpha: number): Drawn["colour"] {
    return [...this.colours[this.colourName(annotation)], alpha] as Drawn["colour"];
  }

  private symbolColour(kind: string, alpha: number): Drawn["colour"] {
    return [...this.colours[this.symbols.get(kind)?.colour ?? "accent"], alpha] as Drawn["colour"];
  }

  /** A line as it is drawn: whole, in dashes, or with an arrow's head. Pixels of half a zoom level: it holds until then. */
  private strokesOf(kind: string, path: LonLat[], zoom: number): LonLat[][] {
    const stroke = this.symbols.get(kind)?.stroke ?? "solid";
    const px = metresPerPixel(path[0][1], Math.round(zoom * 2) / 2) * this.scale;
    if (stroke === "dashed") return dashes(path, DASH_PX * px, GAP_PX * px);
    const head = stroke === "arrow" ? arrowHead(path, HEAD_PX * px) : null;
    return head === null ? [path] : [path, head];
  }
}

/** Where a sign and a name stand: at the point, in the middle of a line or a face. */
export function placeOf({ shape }: { shape: Annotation["shape"] }): LonLat {
  const points = pointsOf(shape);
  return shape.type === "Point" ? points[0] : shape.type === "LineString" ? middleOf(points) : centreOf(points);
}

function withDraft(annotations: readonly Annotation[], draft: Annotation | null): Annotation[] {
  return draft === null ? [...annotations] : [...annotations.filter(({ id }) => id !== draft.id), draft];
}
