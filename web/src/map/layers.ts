import type { Layer } from "@deck.gl/core";
import { IconLayer, PathLayer, ScatterplotLayer } from "@deck.gl/layers";
import type { CellPlan } from "../live/cells";
import type { Fleet } from "../live/fleet";
import type { Kind } from "../live/messages";
import { type Appearance, type Columns, LOOKS } from "../live/store";
import { type Rgb, type Tokens, rgb } from "../tokens";
import { DiscMaker } from "./discs";
import { EdgeExtension, TickExtension } from "./edge";
import { GlideExtension } from "./glide";
import { GlyphAtlas, isUpright } from "./glyphs";
import type { Stretch } from "./track";

/** Prefix of the ids of layers whose picked row is a thing; what follows is the kind's code. */
export const THINGS = "things-";
/** The same for things drawn once more because they are emphasised. */
export const EMPHASIS = "emphasis-";

/** Colour of each look. */
export function lookColours(tokens: Tokens): Record<(typeof LOOKS)[number], string> {
  return {
    idle: tokens.idle,
    working: tokens.working,
    alert: tokens["grade-red"],
    off: tokens.silent,
    silent: tokens.silent,
  };
}

/** Which slots to draw, by the kind's code: null stands for all of that kind, a kind that is missing for none; null: all of every kind. */
export type Singles = ReadonlyMap<number, ArrayLike<number> | null> | null;

/** Slots of a kind to draw; null: all. */
export function singlesOf(singles: Singles, code: number): ArrayLike<number> | null {
  if (singles === null) return null;
  const slots = singles.get(code);
  return slots === undefined ? [] : slots;
}

/** Makes the deck.gl layers of what moves; holds what they share (atlas, extensions, colours). */
export class LayerMaker {
  /** What is declared of each kind, by code; from the server's greeting. */
  kinds: ReadonlyMap<number, Kind> = new Map();

  private readonly atlas = new GlyphAtlas();
  private readonly glide = new GlideExtension();
  private readonly edge = new EdgeExtension();
  private readonly tick = new TickExtension();
  private readonly discMaker: DiscMaker;
  private readonly colours: Uint8ClampedArray;
  private readonly accent: Rgb;

  /** @param scale enlarges symbols on a wall */
  constructor(
    tokens: Tokens,
    private readonly scale: number,
  ) {
    const looks = lookColours(tokens);
    this.colours = new Uint8ClampedArray(LOOKS.flatMap((look) => [...rgb(looks[look]), look === "off" ? 200 : 255]));
    this.accent = rgb(tokens.accent);
    this.discMaker = new DiscMaker(tokens, this.atlas, scale, {
      alert: rgb(looks.alert),
      working: rgb(looks.working),
      calm: rgb(looks.idle),
      silent: rgb(looks.silent),
    });
  }

  /** What a kind's things look like, for the fleet's columns. */
  readonly appearance = (kind: Kind): Appearance => ({ colours: this.colours, icons: this.atlas.icons(kind.glyph) });

  /** Height of a glyph's cell, pixels: small over the whole city, large in a street. A glyph takes two thirds of it. */
  glyphSize(zoom: number): number {
    return Math.min(42, Math.max(21, 24 + (zoom - 10) * 3)) * this.scale;
  }

  /** The layers of each kind that is there and not switched off. */
  things(fleet: Fleet, hidden: ReadonlySet<number>, zoom: number, singles: Singles, opacity: number): Layer[] {
    const layers: Layer[] = [];
    for (const [code, store] of fleet.stores) {
      const slots = singlesOf(singles, code);
      const data = slots === null ? store.binary() : store.some(slots);
      if (data.length === 0) continue;
      const visible = !hidden.has(code);
      layers.push(...this.glyphs(`${THINGS}${code}`, this.glyphOf(code), data, fleet, zoom, { visible, opacity, pickable: true }));
    }
    return layers;
  }

  /** The selected thing drawn once more on top, with a quiet ring, both gliding with it; only the ring where the frames do not have it. */
  selection(fleet: Fleet, id: number, fallback: readonly [number, number] | null, zoom: number): Layer[] {
    const onTop = { parameters: { depthCompare: "always" } };
    const ring = {
      id: "selection",
      ...onTop,
      glideClock: () => fleet.clock(),
      billboard: false,
      stroked: true,
      filled: false,
      radiusUnits: "pixels",
      lineWidthUnits: "pixels",
      getRadius: this.glyphSize(zoom) * 0.62,
      getLineWidth: 3 * this.scale,
      getLineColor: [...this.accent, 255],
      extensions: [this.glide],
    };
    for (const [code, store] of fleet.stores) {
      const slot = store.slotOf(id);
      if (slot === undefined) continue;
      const data = store.some([slot]);
      const { getPosition, getGlide } = data.attributes;
      return [
        new ScatterplotLayer({ ...ring, data: { length: 1, attributes: { getPosition, getGlide } } } as never),
        ...this.glyphs("selected-glyph", this.glyphOf(code), data, fleet, zoom, onTop),
      ];
    }
    if (fallback === null) return [];
    return [new ScatterplotLayer({ ...ring, data: [fallback], getPosition: (at: [number, number]) => at } as never)];
  }

  /** Things drawn once more on top, each with a ring: what somebody asked where it is. */
  emphasis(fleet: Fleet, slots: ReadonlyMap<number, ArrayLike<number>>, zoom: number): Layer[] {
    const layers: Layer[] = [];
    for (const [code, own] of slots) {
      const store = fleet.stores.get(code);
      if (store === undefined || own.length === 0) continue;
      const data = store.some(own);
      const { getPosition, getGlide } = data.attributes;
      layers.push(
        new ScatterplotLayer({
          id: `emphasis-ring-${code}`,
          data: { length: data.length, attributes: { getPosition, getGlide } },
          glideClock: () => fleet.clock(),
          stroked: true,
          filled: true,
          radiusUnits: "pixels",
          lineWidthUnits: "pixels",
          getRadius: this.glyphSize(zoom) * 0.5,
          getLineWidth: 2 * this.scale,
          getLineColor: [...this.accent, 255],
          getFillColor: [...this.accent, 50],
          extensions: [this.glide],
        } as never),
        ...this.glyphs(`${EMPHASIS}${code}`, this.glyphOf(code), data, fleet, zoom, { pickable: true }),
      );
    }
    return layers;
  }

  track(stretches: Stretch[]): Layer {
    return new PathLayer<Stretch>({
      id: "track",
      data: stretches,
      getPath: (stretch) => stretch.path,
      getColor: (stretch) => stretch.colours as never,
      getWidth: 3 * this.scale,
      widthUnits: "pixels",
      capRounded: true,
      jointRounded: true,
    });
  }

  /** Discs that count what lies close together. */
  discs(plan: CellPlan, opacity: number): Layer[] {
    return this.discMaker.layers(plan, (code) => this.glyphOf(code), opacity);
  }

  private glyphOf(code: number): string {
    return this.kinds.get(code)?.glyph ?? "dot";
  }

  /** One layer of glyphs turned by heading, or two: ticks turned by heading, and over them glyphs that stand upright. */
  private glyphs(id: string, glyph: string, data: Columns, fleet: Fleet, zoom: number, more: object): Layer[] {
    const shared = {
      iconAtlas: this.atlas.canvas,
      iconMapping: {},
      getIcon: "",
      getSize: this.glyphSize(zoom),
      glideClock: () => fleet.clock(),
      ...more,
    };
    const extensions = [this.glide, this.edge];
    // Flat on the map: headings stay true when the map is turned.
    if (!isUpright(glyph)) return [new IconLayer({ id, data, ...shared, billboard: false, extensions } as never)];
    const { getAngle: _, ...standing } = data.attributes;
    return [
      new IconLayer({
        id: `${id}-ticks`, data, ...shared, pickable: false, billboard: false, extensions: [...extensions, this.tick],
      } as never),
      new IconLayer({
        id, data: { length: data.length, attributes: standing }, ...shared, billboard: true, getAngle: 0, extensions,
      } as never),
    ];
  }
}
