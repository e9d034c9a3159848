import type { Layer, PickingInfo } from "@deck.gl/core";
import { IconLayer, PathLayer, ScatterplotLayer, TextLayer } from "@deck.gl/layers";
import type { CellPlan } from "../live/cells";
import type { Fleet } from "../live/fleet";
import type { Kind } from "../live/messages";
import { type Appearance, LOOKS } from "../live/store";
import { type Rgb, type Tokens, rgb } from "../tokens";
import { LABEL_FONT } from "./basemap";
import { DonutExtension } from "./donut";
import { EdgeExtension } from "./edge";
import { GlideExtension } from "./glide";
import { GlyphAtlas } from "./glyphs";
import type { Stretch } from "./track";

/** Prefix of the ids of layers whose picked row is a thing; what follows is the kind's code. */
export const THINGS = "things-";
/** Prefix of the id of the layer whose picked row is a cell. */
export const CELLS = "cells";

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

/** Makes all deck.gl layers; holds what they share (atlas, extensions, colours). */
export class LayerMaker {
  private readonly atlas = new GlyphAtlas();
  private readonly glide = new GlideExtension();
  private readonly edge = new EdgeExtension();
  private readonly donut: DonutExtension;
  private readonly colours: Uint8ClampedArray;
  private readonly accent: Rgb;
  private readonly cellFill: [number, number, number, number];

  /** @param scale enlarges symbols on a wall */
  constructor(
    private readonly tokens: Tokens,
    private readonly scale: number,
  ) {
    const looks = lookColours(tokens);
    this.colours = new Uint8ClampedArray(LOOKS.flatMap((look) => [...rgb(looks[look]), look === "off" ? 200 : 255]));
    this.accent = rgb(tokens.accent);
    this.cellFill = [...rgb(tokens.ground), 235];
    this.donut = new DonutExtension({
      alert: rgb(looks.alert),
      working: rgb(looks.working),
      calm: rgb(looks.idle),
      silent: rgb(looks.silent),
    });
  }

  /** What a kind's things look like, for the fleet's columns. */
  readonly appearance = (kind: Kind): Appearance => ({ colours: this.colours, icons: this.atlas.icons(kind.glyph) });

  /** Height of a glyph's cell, pixels: small over the whole city, large in a street. */
  private glyphSize(zoom: number): number {
    return Math.min(48, Math.max(22, 24 + (zoom - 9) * 4.5)) * this.scale;
  }

  /** One layer per kind that is there and not switched off. */
  things(fleet: Fleet, hidden: ReadonlySet<number>, zoom: number): Layer[] {
    const size = this.glyphSize(zoom);
    const layers: Layer[] = [];
    for (const [code, store] of fleet.stores) {
      if (store.length === 0) continue;
      layers.push(
        new IconLayer({
          id: `${THINGS}${code}`,
          data: store.binary() as never,
          visible: !hidden.has(code),
          iconAtlas: this.atlas.canvas as never,
          iconMapping: {},
          getIcon: "",
          getSize: size,
          // Flat on the map: headings stay true when the map is turned.
          billboard: false,
          pickable: true,
          extensions: [this.glide, this.edge],
          glideClock: () => fleet.clock(),
        } as never),
      );
    }
    return layers;
  }

  /** The selected thing drawn once more on top, with a quiet ring, both gliding with it; only the ring where the frames do not have it. */
  selection(fleet: Fleet, id: number, fallback: readonly [number, number] | null, zoom: number): Layer[] {
    const size = this.glyphSize(zoom);
    const shared = { glideClock: () => fleet.clock(), billboard: false, parameters: { depthCompare: "always" } };
    const ring = {
      id: "selection",
      ...shared,
      stroked: true,
      filled: false,
      radiusUnits: "pixels",
      lineWidthUnits: "pixels",
      getRadius: size * 0.62,
      getLineWidth: 3 * this.scale,
      getLineColor: [...this.accent, 255],
      extensions: [this.glide],
    };
    for (const store of fleet.stores.values()) {
      const data = store.one(id);
      if (data === null) continue;
      const { getPosition, getGlide } = data.attributes;
      return [
        new ScatterplotLayer({ ...ring, data: { length: 1, attributes: { getPosition, getGlide } } } as never),
        new IconLayer({
          id: "selected-glyph",
          ...shared,
          data,
          iconAtlas: this.atlas.canvas,
          iconMapping: {},
          getIcon: "",
          getSize: size,
          extensions: [this.glide, this.edge],
        } as never),
      ];
    }
    if (fallback === null) return [];
    return [new ScatterplotLayer({ ...ring, data: [fallback], getPosition: (at: [number, number]) => at } as never)];
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

  /** Discs with the count inside and a ring of shares by state. */
  cells(plan: CellPlan, kinds: ReadonlyMap<number, Kind>): Layer[] {
    const { length } = plan;
    const position = { value: plan.positions, size: 2 };
    const glyph = (index: number): string => kinds.get(plan.kinds[index])?.glyph ?? "dot";
    const icons = new Float32Array(length * 7);
    for (let i = 0; i < length; i++) icons.set(this.atlas.icons(glyph(i)).subarray(14, 21), i * 7);
    const sizes = plan.radii.map((radius) => radius * 0.95);
    const offsets = new Float32Array(length * 2);
    plan.radii.forEach((radius, i) => offsets.set([0, -radius * 0.36], i * 2));
    return [
      new ScatterplotLayer({
        id: CELLS,
        data: {
          length,
          attributes: {
            getPosition: position,
            getRadius: { value: plan.radii, size: 1 },
            getShares: { value: plan.shares, size: 3 },
          },
        },
        radiusUnits: "pixels",
        getFillColor: this.cellFill,
        pickable: true,
        extensions: [this.donut],
      } as never),
      new IconLayer({
        id: "cell-glyphs",
        data: {
          length,
          attributes: {
            getPosition: position,
            getSize: { value: sizes, size: 1 },
            getPixelOffset: { value: offsets, size: 2 },
            instanceIconDefs: { value: icons, size: 7 },
          },
        },
        iconAtlas: this.atlas.canvas,
        iconMapping: {},
        getIcon: "",
        getColor: [...rgb(this.tokens.quiet), 255],
        extensions: [this.edge],
      } as never),
      new TextLayer({
        id: "cell-counts",
        data: { length },
        getPosition: (_: unknown, { index }: { index: number }) =>
          [plan.positions[index * 2], plan.positions[index * 2 + 1]] as [number, number],
        getText: (_: unknown, { index }: { index: number }) => shortCount(plan.totals[index]),
        getSize: (_: unknown, { index }: { index: number }) => Math.max(13 * this.scale, plan.radii[index] * 0.52),
        getPixelOffset: (_: unknown, { index }: { index: number }) => [0, plan.radii[index] * 0.27] as [number, number],
        getColor: [...rgb(this.tokens.text), 255],
        fontFamily: `"${LABEL_FONT}", sans-serif`,
        fontWeight: 600,
        characterSet: "0123456789.k",
        fontSettings: { fontSize: 48 },
        updateTriggers: { getPosition: plan, getText: plan, getSize: plan, getPixelOffset: plan },
      } as never),
    ];
  }
}

/** A count that fits into a disc: exact to 9999, then in thousands. */
export function shortCount(count: number): string {
  if (count < 10_000) return String(count);
  return `${(count / 1000).toFixed(count < 100_000 ? 1 : 0)}k`;
}

/** The kind's code and row of a picked thing, or null. */
export function pickedThing(info: PickingInfo): { kind: number; row: number } | null {
  const id = info.layer?.id;
  if (!id?.startsWith(THINGS) || info.index < 0) return null;
  return { kind: Number(id.slice(THINGS.length)), row: info.index };
}

