import type { Layer, PickingInfo } from "@deck.gl/core";
import { IconLayer, PathLayer, ScatterplotLayer, TextLayer } from "@deck.gl/layers";
import { cellRadius, spread } from "../live/cells";
import type { Fleet } from "../live/fleet";
import type { CellColumns } from "../live/frames";
import type { Kind } from "../live/messages";
import { type Appearance, LOOKS } from "../live/store";
import { type Rgb, type Tokens, rgb } from "../tokens";
import { LABEL_FONT } from "./basemap";
import { DonutExtension } from "./donut";
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

/** Cells laid out for one zoom: columns for deck.gl, rows as in the frame. */
export interface CellPlan {
  length: number;
  positions: Float64Array;
  radii: Float32Array;
  shares: Float32Array;
  kinds: Uint8Array;
  totals: Uint32Array;
}

/** Makes all deck.gl layers; holds what they share (atlas, extensions, colours). */
export class LayerMaker {
  private readonly atlas = new GlyphAtlas();
  private readonly glide = new GlideExtension();
  private readonly donut: DonutExtension;
  private readonly colours: Uint8Array;
  private readonly accent: Rgb;
  private readonly cellFill: [number, number, number, number];

  /** @param scale enlarges symbols on a wall */
  constructor(
    private readonly tokens: Tokens,
    private readonly scale: number,
  ) {
    const looks = lookColours(tokens);
    this.colours = new Uint8Array(LOOKS.flatMap((look) => [...rgb(looks[look]), look === "off" ? 200 : 255]));
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

  /** One layer per kind that is there and not switched off. */
  things(fleet: Fleet, hidden: ReadonlySet<number>, zoom: number): Layer[] {
    const size = Math.min(42, Math.max(26, 26 + (zoom - 11) * 4)) * this.scale;
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
          extensions: [this.glide],
          glideClock: () => fleet.clock(),
        } as never),
      );
    }
    return layers;
  }

  /** A quiet ring around the selected thing, gliding with it. */
  selection(fleet: Fleet, id: number, fallback: readonly [number, number] | null): Layer[] {
    const ring = {
      id: "selection",
      stroked: true,
      filled: false,
      radiusUnits: "pixels",
      lineWidthUnits: "pixels",
      getRadius: 20 * this.scale,
      getLineWidth: 2 * this.scale,
      getLineColor: [...this.accent, 255],
      extensions: [this.glide],
      glideClock: () => fleet.clock(),
    };
    for (const store of fleet.stores.values()) {
      const slot = store.slotOf(id);
      if (slot === undefined) continue;
      const attributes = {
        getPosition: { value: store.positions.slice(slot * 2, slot * 2 + 2), size: 2 },
        getGlide: { value: store.glides.slice(slot * 3, slot * 3 + 3), size: 3 },
      };
      return [new ScatterplotLayer({ ...ring, data: { length: 1, attributes } } as never)];
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

  /**
   * Lays cells out so that no disc covers another at this zoom.
   *
   * @param project degrees to pixels and back
   */
  planCells(
    cells: CellColumns,
    hidden: ReadonlySet<number>,
    project: (lon: number, lat: number) => [number, number],
    unproject: (x: number, y: number) => [number, number],
  ): CellPlan {
    const rows: number[] = [];
    for (let row = 0; row < cells.length; row++) {
      if (!hidden.has(cells.kind[row]) && cells.total[row] > 0) rows.push(row);
    }
    const length = rows.length;
    const plan: CellPlan = {
      length,
      positions: new Float64Array(length * 2),
      radii: new Float32Array(length),
      shares: new Float32Array(length * 3),
      kinds: new Uint8Array(length),
      totals: new Uint32Array(length),
    };
    rows.forEach((row, i) => {
      const total = cells.total[row];
      plan.positions.set(project(cells.lon[row], cells.lat[row]), i * 2);
      plan.radii[i] = cellRadius(total) * this.scale;
      plan.kinds[i] = cells.kind[row];
      plan.totals[i] = total;
      const calm = total - cells.alert[row] - cells.working[row] - cells.silent[row];
      plan.shares.set([cells.alert[row] / total, cells.working[row] / total, Math.max(0, calm) / total], i * 3);
    });
    spread(plan.positions, plan.radii, 3 * this.scale);
    for (let i = 0; i < length; i++) {
      plan.positions.set(unproject(plan.positions[i * 2], plan.positions[i * 2 + 1]), i * 2);
    }
    return plan;
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

