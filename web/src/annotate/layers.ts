import type { Layer } from "@deck.gl/core";
import { IconLayer, PathLayer, PolygonLayer } from "@deck.gl/layers";
import { type Shift, findRoom, widthInEms } from "../map/declutter";
import { type Label, Lettering } from "../map/lettering";
import { type Rgb, type Tokens, rgb } from "../tokens";
import { SIGN_PX, SignAtlas } from "./glyphs";
import { areaText, arrowHead, centreOf, dashes, lengthText, metresPerPixel, middleOf } from "./measure";
import { type Annotation, type LonLat, type Stroke, type SymbolInfo, pointsOf } from "./records";

/** Prefix of the ids of layers whose picked object is a {@link Drawn}. */
export const ANNOTATIONS = "annotation-";
/** From this zoom on names stand beside signs, and lengths beside lines. */
const NAMES_ZOOM = 11;
const DASH_PX = 14;
const GAP_PX = 8;
const HEAD_PX = 20;
const AT_REST: Label["glide"] = [0, 0, 0];
const HIDDEN_ALPHA = 90;
/** So many names are written at most, and arranged anew so often at most: finding room for each takes long. */
const MOST_NAMES = 300;
export const NAMES_MS = 500;
const BESIDE_PX = 100;

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
  /** Where a place is drawn, pixels. */
  project(lon: number, lat: number): { x: number; y: number };
}

type Sign = Annotation & { at: LonLat; icon: string };

/** What was made of the annotations on the map; while they stay the same, it is not made again. */
interface Kept {
  symbols: ReadonlyMap<string, SymbolInfo>;
  annotations: readonly Annotation[];
  draft: number | undefined;
  /** Without the one in hand. */
  base: readonly Annotation[];
  shapes: { selected: number | null; step: number; faces: Drawn[]; lines: Drawn[] } | null;
  signs: Sign[] | null;
  names: { selected: number | null; step: number; at: number; labels: Label[] } | null;
}

/** Up to two lines that stand together beside one place. */
interface Caption {
  annotation: Annotation;
  at: LonLat;
  lines: string[];
  size: number;
  /** Half the height of the sign at the place, pixels; 0: there is none. */
  radius: number;
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
  private kept: Kept | null = null;

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
  below(scene: Scene): Layer[] {
    const { strokes, draft, selected, zoom } = scene;
    const kept = this.keep(scene);
    const step = Math.round(zoom * 2);
    if (kept.shapes?.selected !== selected || kept.shapes.step !== step) kept.shapes = { selected, step, ...this.shapesOf(kept.base, selected, zoom) };
    const inHand = this.shapesOf(draft === null ? [] : [draft], selected, zoom);
    for (const { kind, points } of strokes) {
      const colour = this.symbolColour(kind, 200);
      if (points.length > 1) inHand.lines.push({ id: 0, path: points, colour });
    }
    return [...this.shapeLayers("", kept.shapes, selected), ...this.shapeLayers("hand-", inHand, selected)];
  }

  private keep({ annotations, draft }: Scene): Kept {
    const { symbols } = this;
    if (this.kept?.annotations !== annotations || this.kept.draft !== draft?.id || this.kept.symbols !== symbols) {
      const base = draft === null ? annotations : annotations.filter(({ id }) => id !== draft.id);
      this.kept = { symbols, annotations, draft: draft?.id, base, shapes: null, signs: null, names: null };
    }
    return this.kept;
  }

  private shapesOf(annotations: readonly Annotation[], selected: number | null, zoom: number): { faces: Drawn[]; lines: Drawn[] } {
    const faces: Drawn[] = [];
    const lines: Drawn[] = [];
    for (const each of annotations) {
      if (each.shape.type === "Point") continue;
      const path = pointsOf(each.shape);
      const colour = this.colourOf(each, each.hidden ? HIDDEN_ALPHA : 255);
      if (each.shape.type === "Polygon") faces.push({ id: each.id, path, colour: [colour[0], colour[1], colour[2], each.id === selected ? 62 : 34] });
      for (const piece of this.strokesOf(each.kind, path, zoom)) lines.push({ id: each.id, path: piece, colour });
    }
    return { faces, lines };
  }

  private shapeLayers(part: string, { faces, lines }: { faces: Drawn[]; lines: Drawn[] }, selected: number | null): Layer[] {
    const { scale } = this;
    const width = (id: number): number => (id !== 0 && id === selected ? 5 : 3.2) * scale;
    return [
      new PolygonLayer<Drawn>({
        id: `${ANNOTATIONS}${part}faces`, data: faces, getPolygon: ({ path }) => path, getFillColor: ({ colour }) => colour, stroked: false, pickable: true,
        updateTriggers: { getFillColor: [selected] },
      }),
      // A dark rim keeps a line legible over a bright base map, and at five metres.
      new PathLayer<Drawn>({
        id: `annotate-${part}rims`, data: lines, getPath: ({ path }) => path, getColor: [11, 18, 32, 150], getWidth: ({ id }) => width(id) + 3 * scale,
        widthUnits: "pixels", capRounded: true, jointRounded: true, updateTriggers: { getWidth: [selected] },
      }),
      new PathLayer<Drawn>({
        id: `${ANNOTATIONS}${part}lines`, data: lines, getPath: ({ path }) => path, getColor: ({ colour }) => colour, getWidth: ({ id }) => width(id),
        widthUnits: "pixels", capRounded: true, jointRounded: true, pickable: true, updateTriggers: { getWidth: [selected] },
      }),
    ];
  }

  /** Signs and names. */
  above(scene: Scene): Layer[] {
    const { strokes, draft, zoom } = scene;
    const { scale } = this;
    const kept = this.keep(scene);
    const size = Math.min(40, Math.max(22, 30 + (zoom - 12) * 3)) * scale;
    kept.signs ??= this.signsOf(kept.base);
    const labels = [...this.names(kept, size, scene)];
    for (const { kind, points, author } of strokes) {
      const colour = this.colours[this.symbols.get(kind)?.colour ?? "white"];
      labels.push({ text: `✎ ${author.name}`, position: points[points.length - 1], glide: AT_REST, size: 14 * scale, shift: [0, -16 * scale], colour });
    }
    return [
      this.signLayer("", kept.signs, size, scene.selected),
      this.signLayer("hand-", this.signsOf(draft === null ? [] : [draft]), size, scene.selected),
      ...this.lettering.layers("annotate-names", labels, () => 0),
    ];
  }

  private signsOf(annotations: readonly Annotation[]): Sign[] {
    return annotations.flatMap((annotation): Sign[] => {
      const glyph = this.symbols.get(annotation.kind)?.glyph ?? "";
      return glyph === "" ? [] : [{ ...annotation, at: placeOf(annotation), icon: `${glyph}-${this.colourName(annotation)}` }];
    });
  }

  private signLayer(part: string, signs: Sign[], size: number, selected: number | null): Layer {
    return new IconLayer<Sign>({
      id: `${ANNOTATIONS}${part}signs`, data: signs, iconAtlas: this.atlas.canvas as never, iconMapping: this.atlas.mapping, getIcon: ({ icon }) => icon,
      getPosition: ({ at }) => at, getSize: ({ id }) => (id === selected ? size * 1.25 : size) * (SIGN_PX / 100), sizeUnits: "pixels",
      getColor: ({ hidden }) => [255, 255, 255, hidden ? HIDDEN_ALPHA : 255], pickable: true, updateTriggers: { getSize: [selected, size] },
      parameters: { depthCompare: "always" },
    });
  }

  /** Names of those in view, arranged a moment ago or now. */
  private names(kept: Kept, size: number, scene: Scene): readonly Label[] {
    const { draft, selected, zoom, project } = scene;
    const step = Math.round(zoom * 4);
    const now = performance.now();
    const { names } = kept;
    if (names !== null && names.selected === selected && names.step === step && now - names.at < NAMES_MS) return names.labels;
    const isSeen = ({ x, y }: { x: number; y: number }): boolean =>
      x > -BESIDE_PX && y > -BESIDE_PX && x < window.innerWidth + BESIDE_PX && y < window.innerHeight + BESIDE_PX;
    const captions: Caption[] = [];
    const signs: LonLat[] = [];
    for (const annotation of draft === null ? kept.base : [...kept.base, draft]) {
      const symbol = this.symbols.get(annotation.kind);
      const at = placeOf(annotation);
      if (symbol === undefined || !isSeen(project(...at))) continue;
      if (symbol.glyph !== "") signs.push(at);
      const lines = zoom < NAMES_ZOOM && annotation.id !== selected ? [] : captionOf(annotation, symbol);
      const letters = (annotation.kind === "text" ? 19 : 14) * this.scale;
      if (lines.length > 0) captions.push({ annotation, at, lines, size: letters, radius: symbol.glyph === "" ? 0 : size * 0.56 });
    }
    kept.names = { selected, step, at: now, labels: this.labels(captions, signs, size, scene) };
    return kept.names.labels;
  }

  /** Captions that found room: none covers another or, where it can be helped, a sign. The selected and the newest come first. */
  private labels(captions: Caption[], signs: readonly LonLat[], signSize: number, { selected, draft, project }: Scene): Label[] {
    const urgency = ({ annotation: { id, kind } }: Caption): number => (id === selected || id === draft?.id ? 0 : kind === "text" ? 1 : 2);
    captions.sort((a, b) => urgency(a) - urgency(b) || b.annotation.id - a.annotation.id);
    const marks = signs.map((at) => ({ ...project(...at), width: signSize, height: signSize }));
    const taken: Parameters<typeof findRoom>[3] = [];
    return captions.slice(0, MOST_NAMES).flatMap(({ annotation, at, lines, size, radius }): Label[] => {
      const width = Math.max(...lines.map(widthInEms)) * size + size * 0.4;
      const height = lines.length * size * 1.3;
      const away = radius === 0 ? 0 : radius + height / 2 + 2;
      const aside = radius === 0 ? size * 1.4 : radius + width / 2 + 4;
      const shifts: Shift[] = radius === 0 ? [[0, 0], [0, aside], [0, -aside]] : [[0, away], [aside, 0], [-aside, 0], [0, -away]];
      const wish = { ...project(...at), width, height, reach: Number.POSITIVE_INFINITY };
      const [found] = findRoom([wish], shifts, marks, taken);
      if (found === null) return [];
      const colour = this.colours[this.colourName(annotation)];
      return lines.map((text, i) => ({
        text, position: at, glide: AT_REST, size, shift: [found[0], found[1] + (i - (lines.length - 1) / 2) * size * 1.3],
        colour: annotation.kind === "text" || i > 0 ? colour : this.colours.white,
      }));
    });
  }

  /** Name of the colour in which one is drawn. */
  colourName({ kind, colour }: { kind: string; colour: string }): string {
    const name = colour || (this.symbols.get(kind)?.colour ?? "");
    return name in this.colours ? name : "accent";
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

/** What is written beside one: its name, and how long or large it is. */
function captionOf({ title, length_m, area_m2 }: Annotation, symbol: SymbolInfo): string[] {
  const measure = !symbol.measured ? "" : area_m2 !== null ? areaText(area_m2) : length_m !== null ? lengthText(length_m) : "";
  return [title, measure].filter((line) => line !== "");
}
