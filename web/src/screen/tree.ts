import { h, setText } from "../dom";
import type { Kind } from "../live/messages";
import type { Tally } from "../live/tallies";
import { type Look, LOOKS } from "../live/store";
import { glyphPicture } from "../map/glyphs";
import { lookColours } from "../map/layers";
import type { TokenName, Tokens } from "../tokens";
import { t } from "../words";
import type { LayerInfo, Statistics } from "./layerinfo";

interface Row {
  total: HTMLElement;
  element: HTMLElement;
}

/** The layer tree: what there is by module, with counts, legends and switches. */
export class Tree {
  readonly element = h("div", { class: "tree" });
  /** Codes of the kinds whose things are not drawn. */
  readonly hidden = new Set<number>();
  private readonly shown = new Set<string>();
  private readonly rows = new Map<string, Row>();
  private readonly kindRows = new Map<number, HTMLElement>();
  private readonly others = h("div", { class: "group", hidden: true });
  private layers: LayerInfo[] = [];
  private readonly looks: Record<Look, string>;

  /**
   * @param glyphSize CSS pixels
   * @param onToggle called after a layer was switched; with null after a kind without a layer was
   */
  constructor(
    private readonly tokens: Tokens,
    private readonly glyphSize: number,
    private readonly onToggle: (layer: LayerInfo | null) => void,
  ) {
    this.looks = lookColours(tokens);
    this.element.append(h("p", { class: "empty" }, t("正在读取图层…")));
  }

  isShown(layer: LayerInfo): boolean {
    return this.shown.has(layer.id);
  }

  /** Shows the tree of these layers. */
  declare(layers: LayerInfo[]): void {
    this.layers = layers;
    this.rows.clear();
    this.shown.clear();
    const groups = new Map<string, HTMLElement[]>();
    for (const layer of layers) {
      if (layer.visible) this.shown.add(layer.id);
      const rows = groups.get(layer.group) ?? [];
      rows.push(this.row(layer));
      groups.set(layer.group, rows);
    }
    this.element.replaceChildren(
      ...[...groups].map(([title, rows]) => h("div", { class: "group" }, h("h3", {}, title), h("ul", {}, ...rows))),
      this.others,
    );
    if (layers.length === 0) {
      this.element.prepend(h("p", { class: "empty" }, t("没有可看的图层。请管理员为您的账户授予角色与范围。")));
    }
    this.hideKinds();
  }

  /** Shows kinds that no layer is about below the modules: nothing that moves is left out. */
  declareKinds(kinds: readonly Kind[]): void {
    const known = new Set(this.layers.map(({ source }) => (source.type === "live" ? source.code : -1)));
    const rest = kinds.filter(({ code }) => !known.has(code));
    this.kindRows.clear();
    this.others.hidden = rest.length === 0;
    this.others.replaceChildren(h("h3", {}, t("其他对象（视野内）")), h("ul", {}, ...rest.map((kind) => this.kindRow(kind))));
  }

  /** Counts of a layer. */
  count(id: string, statistics: Statistics): void {
    const row = this.rows.get(id);
    if (row !== undefined) setText(row.total, statistics.total.toLocaleString("en-US"));
  }

  /** What is in view of the kinds without a layer. */
  countKinds(tallies: ReadonlyMap<number, Tally>): void {
    for (const [code, total] of this.kindRows) setText(total, (tallies.get(code)?.total ?? 0).toLocaleString("en-US"));
  }

  /** Tells below which zooms layers are not drawn. */
  zoomed(zoom: number): void {
    for (const layer of this.layers) {
      this.rows.get(layer.id)?.element.classList.toggle("far", zoom < layer.min_zoom || zoom > layer.max_zoom);
    }
  }

  private row(layer: LayerInfo): HTMLElement {
    const total = h("span", { class: "total" }, layer.style.type === "heat" || layer.style.type === "district" ? "" : "…");
    const box = h("input", {
      type: "checkbox",
      checked: this.shown.has(layer.id),
      onchange: () => {
        if (box.checked) this.shown.add(layer.id);
        else this.shown.delete(layer.id);
        this.hideKinds();
        this.onToggle(layer);
      },
    });
    const element = h(
      "li",
      { class: "layer", "data-layer": layer.id },
      h("label", { title: layer.title }, box, this.swatch(layer), h("span", { class: "name" }, layer.title), total),
      layer.source.type !== "live" && layer.legend.length > 1 ? this.legend(layer) : null,
    );
    this.rows.set(layer.id, { total, element });
    return element;
  }

  private kindRow(kind: Kind): HTMLElement {
    const total = h("span", { class: "total" }, "0");
    const box = h("input", {
      type: "checkbox",
      checked: !this.hidden.has(kind.code),
      onchange: () => {
        if (box.checked) this.hidden.delete(kind.code);
        else this.hidden.add(kind.code);
        this.onToggle(null);
      },
    });
    this.kindRows.set(kind.code, total);
    const picture = glyphPicture(kind.glyph, "working", this.looks.working, this.glyphSize);
    return h("li", { class: "layer" }, h("label", {}, box, picture, h("span", { class: "name" }, kind.name), total));
  }

  private hideKinds(): void {
    for (const { id, source, style } of this.layers) {
      if (source.type !== "live" || style.type !== "icon") continue;
      if (this.shown.has(id)) this.hidden.delete(source.code);
      else this.hidden.add(source.code);
    }
  }

  private swatch(layer: LayerInfo): HTMLElement {
    const { style } = layer;
    if (layer.source.type === "live" && style.type === "icon") {
      return glyphPicture(style.glyph ?? "dot", "working", this.looks.working, this.glyphSize);
    }
    const name = typeof style.colour === "string" ? style.colour : "grade-orange";
    return this.patch(name, `${style.type} ${style.hatched ? "hatched" : ""}`);
  }

  private patch(colour: string, kind: string): HTMLElement {
    const patch = h("span", { class: `swatch ${kind}`, "aria-hidden": "true" });
    patch.style.setProperty("--of", this.tokens[colour as TokenName] ?? this.tokens.accent);
    return patch;
  }

  private legend({ legend, style }: LayerInfo): HTMLElement {
    const lines = legend.map(({ title, colour }) => h("li", {}, this.patch(colour, style.type), title));
    return h("ul", { class: "layer-legend" }, ...lines);
  }
}

/** Sums the counts by state of several layers into counts by look. */
export function sumLooks(statistics: readonly Statistics[]): Record<Look, number> {
  const sums: Record<Look, number> = { idle: 0, working: 0, alert: 0, off: 0, silent: 0 };
  for (const { state } of statistics) {
    for (const { value, count } of state) {
      const look = typeof value === "number" ? LOOKS[value] : value === "silent" ? "silent" : undefined;
      if (look !== undefined) sums[look] += count;
    }
  }
  return sums;
}
