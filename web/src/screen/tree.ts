import { h, setText } from "../dom";
import type { Kind } from "../live/messages";
import { Sieve } from "../live/sieve";
import type { Tally } from "../live/tallies";
import { type Look, LOOKS } from "../live/store";
import { glyphPicture } from "../map/glyphs";
import { lookColours } from "../map/layers";
import type { Tokens } from "../tokens";
import { t } from "../words";
import { Filters } from "./filters";
import type { LayerInfo, Statistics } from "./layerinfo";
import { LayerRow } from "./layerrow";
import type { Remembered } from "./memory";
import type { Shade } from "./shades";
import { type Target, spotButton } from "./spotlight";

/** Under this id it is remembered whether alerts are marked on the map. */
const ALERTS = "alerts";

interface Handlers {
  /** A layer was switched or filtered; null: a kind without a layer, or everything. */
  onToggle(layer: LayerInfo | null): void;
  /** Alerts are marked on the map from now on, or not. */
  onAlerts(isShown: boolean): void;
  /** A number was chosen. */
  onPick(target: Target): void;
}

/** The layer tree: what there is by module, with counts, legends, switches and filters. */
export class Tree {
  readonly element = h("div", { class: "tree" });
  /** What of the moving things is let through to the map. */
  readonly sieve = new Sieve();
  readonly filters = new Filters();
  private readonly switched = new Map<string, boolean>();
  private readonly rows = new Map<string, LayerRow>();
  private readonly kindRows = new Map<number, HTMLElement>();
  private readonly others = h("div", { class: "group", hidden: true });
  private readonly alertsTotal: HTMLButtonElement;
  private readonly alertsBox: HTMLInputElement;
  private readonly defaults: HTMLElement;
  private layers: LayerInfo[] = [];
  private readonly looks: Record<Look, string>;

  /** @param glyphSize CSS pixels */
  constructor(
    private readonly tokens: Tokens,
    private readonly glyphSize: number,
    private readonly handlers: Handlers,
  ) {
    this.looks = lookColours(tokens);
    this.alertsTotal = spotButton({ type: "alerting", key: ALERTS, title: t("待确认预警") }, "total", handlers.onPick);
    this.alertsTotal.textContent = "0";
    this.alertsBox = h("input", { type: "checkbox", onchange: () => this.switch(ALERTS, this.alertsBox.checked) });
    this.defaults = h("button", { type: "button", class: "link defaults", onclick: () => this.restore() }, t("恢复默认"));
    this.element.append(h("p", { class: "empty" }, t("正在读取图层…")));
  }

  get areAlertsShown(): boolean {
    return this.switched.get(ALERTS) ?? true;
  }

  isShown(layer: LayerInfo): boolean {
    return this.switched.get(layer.id) ?? layer.visible;
  }

  /** Shows the tree of these layers as its user left it. */
  declare(layers: LayerInfo[], remembered: Pick<Remembered, "layers" | "filters">): void {
    this.layers = layers;
    this.rows.clear();
    this.switched.clear();
    const known = new Set([ALERTS, ...layers.map(({ id }) => id)]);
    for (const [id, isShown] of Object.entries(remembered.layers)) if (known.has(id)) this.switched.set(id, isShown);
    this.filters.recall(layers, remembered.filters);
    const groups = new Map<string, HTMLElement[]>();
    for (const layer of layers) {
      const row = new LayerRow(layer, this.filters, this.tokens, this.glyphSize, {
        onSwitch: (isShown) => this.switch(layer.id, isShown),
        onFilter: () => this.settle(layer),
        onPick: this.handlers.onPick,
      });
      this.rows.set(layer.id, row);
      groups.set(layer.group, [...(groups.get(layer.group) ?? []), row.element]);
    }
    this.element.replaceChildren(
      ...[...groups].map(([title, rows]) => h("div", { class: "group" }, h("h3", {}, title), h("ul", {}, ...rows))),
      this.others,
      h("div", { class: "group" }, h("ul", {}, this.alertsRow()), this.defaults),
    );
    if (layers.length === 0) {
      this.element.prepend(h("p", { class: "empty" }, t("没有可看的图层。请管理员为您的账户授予角色与范围。")));
    }
    this.update();
  }

  /** What is to be remembered of it. */
  remembered(): Pick<Remembered, "layers" | "filters"> {
    return { layers: Object.fromEntries(this.switched), filters: this.filters.remembered() };
  }

  /** Switches layers by id, as a scene has them; the others are hidden. */
  showOnly(ids: ReadonlySet<string>): void {
    for (const layer of this.layers) this.switched.set(layer.id, ids.has(layer.id));
    this.update();
    this.handlers.onToggle(null);
  }

  /** Shows kinds that no layer is about below the modules: nothing that moves is left out. */
  declareKinds(kinds: readonly Kind[]): void {
    const known = new Set(this.layers.map(({ source }) => (source.type === "live" ? source.code : -1)));
    const rest = kinds.filter(({ code }) => !known.has(code));
    this.kindRows.clear();
    this.others.hidden = rest.length === 0;
    this.others.replaceChildren(h("h3", {}, t("其他对象（视野内）")), h("ul", {}, ...rest.map((kind) => this.kindRow(kind))));
  }

  /** Counts of a layer, with only what its filters keep in `kept`. */
  count(id: string, kept: Statistics, all: Statistics): void {
    this.rows.get(id)?.count(kept, all);
  }

  /** What the shades of a colour-block map stand for. */
  shade(id: string, shades: readonly Shade[]): void {
    this.rows.get(id)?.shade(shades);
  }

  /** How many alerts nobody has acknowledged. */
  countAlerts(count: number): void {
    setText(this.alertsTotal, count.toLocaleString("en-US"));
  }

  /** What is in view of the kinds without a layer. */
  countKinds(tallies: ReadonlyMap<number, Tally>): void {
    for (const [code, total] of this.kindRows) setText(total, (tallies.get(code)?.total ?? 0).toLocaleString("en-US"));
  }

  /** Tells below which zooms layers are not drawn. */
  zoomed(zoom: number): void {
    for (const layer of this.layers) this.rows.get(layer.id)?.far(zoom < layer.min_zoom || zoom > layer.max_zoom);
  }

  private alertsRow(): HTMLElement {
    const patch = h("span", { class: "swatch alerts-swatch", "aria-hidden": "true" });
    patch.style.setProperty("--of", this.tokens["grade-red"]);
    const name = h("span", { class: "name" }, t("预警标记"));
    return h("li", { class: "layer", "data-layer": ALERTS }, h("label", {}, this.alertsBox, patch, name, this.alertsTotal));
  }

  private kindRow(kind: Kind): HTMLElement {
    const target: Target = { type: "things", key: `kind/${kind.code}`, title: kind.name, kinds: new Set([kind.code]), look: null };
    const total = spotButton(target, "total", this.handlers.onPick);
    total.textContent = "0";
    const { hidden } = this.sieve;
    const box = h("input", {
      type: "checkbox",
      checked: !hidden.has(kind.code),
      onchange: () => {
        if (box.checked) hidden.delete(kind.code);
        else hidden.add(kind.code);
        this.handlers.onToggle(null);
      },
    });
    this.kindRows.set(kind.code, total);
    const picture = glyphPicture(kind.glyph, "working", this.looks.working, this.glyphSize);
    return h("li", { class: "layer" }, h("label", {}, box, picture, h("span", { class: "name" }, kind.name), total));
  }

  private switch(id: string, isShown: boolean): void {
    this.switched.set(id, isShown);
    if (id === ALERTS) this.handlers.onAlerts(isShown);
    this.settle(this.layers.find((layer) => layer.id === id) ?? null);
  }

  private restore(): void {
    this.switched.clear();
    this.filters.clear();
    this.update();
    this.handlers.onAlerts(true);
    this.handlers.onToggle(null);
  }

  private settle(layer: LayerInfo | null): void {
    this.update();
    this.handlers.onToggle(layer);
  }

  /** Brings boxes, and what is let through, in step with what was chosen. */
  private update(): void {
    for (const layer of this.layers) {
      this.rows.get(layer.id)?.show(this.isShown(layer));
      const { source, style } = layer;
      if (source.type !== "live" || style.type !== "icon") continue;
      if (this.isShown(layer)) this.sieve.hidden.delete(source.code);
      else this.sieve.hidden.add(source.code);
      this.sieve.keep(source.code, this.filters.looks(layer));
    }
    this.alertsBox.checked = this.areAlertsShown;
    const isChanged = this.layers.some((layer) => this.isShown(layer) !== layer.visible || this.filters.isNarrow(layer));
    this.defaults.hidden = !isChanged && this.areAlertsShown;
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
