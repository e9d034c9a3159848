import { h, setText } from "../dom";
import type { Look } from "../live/store";
import { glyphPicture } from "../map/glyphs";
import { lookColours } from "../map/layers";
import type { Clock } from "../time";
import type { Tokens } from "../tokens";
import { t } from "../words";
import type { LayerInfo, Statistics } from "./layerinfo";
import { type Target, spotButton } from "./spotlight";
import { sumLooks } from "./tree";

type Tile = "total" | Look;

const TILES: readonly Tile[] = ["total", "working", "idle", "alert", "silent", "off"];

function tileName(tile: Tile): string {
  switch (tile) {
    case "total":
      return t("在册对象");
    case "working":
      return t("作业中");
    case "idle":
      return t("待机");
    case "alert":
      return t("告警");
    case "silent":
      return t("静默");
    case "off":
      return t("关机");
  }
}

/** Large counts by state of everything that moves and that a module is about. */
export class Counters {
  readonly element: HTMLElement;
  private readonly counts = new Map<Tile, HTMLElement>();
  private readonly source = h("p", { class: "counted quiet" });

  private readonly kinds = new Set<number>();

  /**
   * @param glyphSize CSS pixels
   * @param onPick called with what a number counts when it is chosen
   */
  constructor(tokens: Tokens, glyphSize: number, onPick: (target: Target) => void) {
    const colours = lookColours(tokens);
    const tiles = TILES.map((tile) => {
      const count = h("span", { class: "figure" }, "–");
      this.counts.set(tile, count);
      const sign = tile === "total" ? null : glyphPicture("dot", tile, colours[tile], glyphSize);
      const button = spotButton(this.target(tile), `tile ${tile}`, onPick, h("span", { class: "tile-name" }, sign, tileName(tile)), count);
      return h("li", {}, button);
    });
    this.element = h("div", { class: "counters" }, h("ul", { class: "tiles" }, ...tiles), this.source);
  }

  private target(tile: Tile): Target {
    const title = tileName(tile);
    if (tile === "alert") return { type: "alerting", key: "counter/alert", title };
    return { type: "things", key: `counter/${tile}`, title, kinds: this.kinds, look: tile === "total" ? null : tile };
  }

  /**
   * Shows the sums, and what was summed when.
   *
   * @param alerting things with an alert that nobody has acknowledged
   */
  update(counted: readonly { layer: LayerInfo; statistics: Statistics }[], alerting: number, clock: Clock): void {
    if (counted.length === 0) return;
    for (const { layer } of counted) if (layer.source.type === "live") this.kinds.add(layer.source.code);
    const looks = sumLooks(counted.map(({ statistics }) => statistics));
    const total = counted.reduce((sum, { statistics }) => sum + statistics.total, 0);
    for (const [tile, element] of this.counts) {
      const count = tile === "total" ? total : tile === "alert" ? alerting : looks[tile];
      setText(element, count.toLocaleString("en-US"));
      element.parentElement?.classList.toggle("none", count === 0);
    }
    const parts = counted.map(({ layer, statistics }) => `${layer.title} ${statistics.total.toLocaleString("en-US")}`);
    const oldest = Math.min(...counted.map(({ statistics }) => Date.parse(statistics.as_of)));
    setText(this.source, `${parts.join(" · ")} · ${clock.time(oldest)}`);
  }
}
