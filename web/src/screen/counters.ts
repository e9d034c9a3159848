import { h, setText } from "../dom";
import type { Look } from "../live/store";
import { glyphPicture } from "../map/glyphs";
import { lookColours } from "../map/layers";
import type { Clock } from "../time";
import type { Tokens } from "../tokens";
import { t } from "../words";
import type { LayerInfo, Statistics } from "./layerinfo";
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

  constructor(tokens: Tokens, glyphSize: number) {
    const colours = lookColours(tokens);
    const tiles = TILES.map((tile) => {
      const count = h("span", { class: "figure" }, "–");
      this.counts.set(tile, count);
      const sign = tile === "total" ? null : glyphPicture("dot", tile, colours[tile], glyphSize);
      return h("li", { class: `tile ${tile}` }, h("span", { class: "tile-name" }, sign, tileName(tile)), count);
    });
    this.element = h("div", { class: "counters" }, h("ul", { class: "tiles" }, ...tiles), this.source);
  }

  /**
   * Shows the sums, and what was summed when.
   *
   * @param alerting things with an alert that nobody has acknowledged
   */
  update(counted: readonly { layer: LayerInfo; statistics: Statistics }[], alerting: number, clock: Clock): void {
    if (counted.length === 0) return;
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
