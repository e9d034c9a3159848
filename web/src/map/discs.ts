import type { Layer } from "@deck.gl/core";
import { IconLayer, ScatterplotLayer, TextLayer } from "@deck.gl/layers";
import type { CellPlan } from "../live/cells";
import { ICON_SIZE, LOOKS } from "../live/store";
import { type Rgb, type Tokens, rgb } from "../tokens";
import { LABEL_FONT } from "./basemap";
import { DonutExtension, type DonutColours } from "./donut";
import { EdgeExtension } from "./edge";
import type { GlyphAtlas } from "./glyphs";

/** Id of the layer whose picked row is a disc. */
export const DISCS = "discs";

/** Where a look without heading stands among a glyph's icons. */
const SOLID = LOOKS.indexOf("working") * 2 * ICON_SIZE;

/** Discs with a glyph, the count and a ring of shares by state. */
export class DiscMaker {
  private readonly edge = new EdgeExtension();
  private readonly donut: DonutExtension;
  private readonly fill: [number, number, number, number];
  private readonly text: Rgb;
  private readonly quiet: Rgb;

  /** @param scale enlarges them on a wall */
  constructor(
    tokens: Tokens,
    private readonly atlas: GlyphAtlas,
    private readonly scale: number,
    colours: DonutColours,
  ) {
    this.fill = [...rgb(tokens.ground), 235];
    this.text = rgb(tokens.text);
    this.quiet = rgb(tokens.quiet);
    this.donut = new DonutExtension(colours);
  }

  /**
   * @param glyphOf name of a kind's glyph, by code
   * @param opacity of the whole, 0 to 1
   */
  layers(plan: CellPlan, glyphOf: (kind: number) => string, opacity: number): Layer[] {
    const { length } = plan;
    const position = { value: plan.positions, size: 2 };
    const icons = new Float32Array(length * ICON_SIZE);
    for (let i = 0; i < length; i++) {
      icons.set(this.atlas.icons(glyphOf(plan.kinds[i])).subarray(SOLID, SOLID + ICON_SIZE), i * ICON_SIZE);
    }
    const offsets = new Float32Array(length * 2);
    // In a tilted view, too, a disc faces the reader, and its number is not behind it.
    const shared = { opacity, parameters: { depthCompare: "always" } };
    plan.radii.forEach((radius, i) => offsets.set([0, -radius * 0.36], i * 2));
    return [
      new ScatterplotLayer({
        id: DISCS,
        ...shared,
        billboard: true,
        data: {
          length,
          attributes: {
            getPosition: position,
            getRadius: { value: plan.radii, size: 1 },
            getShares: { value: plan.shares, size: 3 },
          },
        },
        radiusUnits: "pixels",
        getFillColor: this.fill,
        pickable: true,
        extensions: [this.donut],
      } as never),
      new IconLayer({
        id: "disc-glyphs",
        ...shared,
        data: {
          length,
          attributes: {
            getPosition: position,
            getSize: { value: plan.radii.map((radius) => radius * 0.95), size: 1 },
            getPixelOffset: { value: offsets, size: 2 },
            instanceIconDefs: { value: icons, size: ICON_SIZE },
          },
        },
        iconAtlas: this.atlas.canvas,
        iconMapping: {},
        getIcon: "",
        getColor: [...this.quiet, 255],
        extensions: [this.edge],
      } as never),
      this.counts(plan, shared),
    ];
  }

  private counts(plan: CellPlan, shared: object): Layer {
    type Row = { index: number };
    return new TextLayer({
      id: "disc-counts",
      ...shared,
      data: { length: plan.length },
      getPosition: (_: unknown, { index }: Row) => [plan.positions[index * 2], plan.positions[index * 2 + 1]],
      getText: (_: unknown, { index }: Row) => shortCount(plan.totals[index]),
      getSize: (_: unknown, { index }: Row) => Math.max(13 * this.scale, plan.radii[index] * 0.52),
      getPixelOffset: (_: unknown, { index }: Row) => [0, plan.radii[index] * 0.27],
      getColor: [...this.text, 255],
      fontFamily: `"${LABEL_FONT}", sans-serif`,
      fontWeight: 600,
      characterSet: "0123456789.k",
      fontSettings: { fontSize: 48 },
      updateTriggers: { getPosition: plan, getText: plan, getSize: plan, getPixelOffset: plan },
    } as never);
  }
}

/** A count that fits into a disc: exact to 9999, then in thousands. */
export function shortCount(count: number): string {
  if (count < 10_000) return String(count);
  return `${(count / 1000).toFixed(count < 100_000 ? 1 : 0)}k`;
}
