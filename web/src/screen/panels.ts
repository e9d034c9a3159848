import { h, setText } from "../dom";
import type { Clock } from "../time";
import { type TokenName, type Tokens } from "../tokens";
import { t } from "../words";
import type { Count, District, LayerInfo, PanelInfo, Statistics } from "./layerinfo";
import { section } from "./side";
import { type Target, spotButton, targetOf } from "./spotlight";

interface Handlers {
  onPick(target: Target): void;
  onDistrict(code: string): void;
}

/** Counts of one layer that a module wants on the wall. */
class CountPanel {
  readonly element = h("div", { class: "count-panel" });
  private readonly rows = h("ul", { class: "bars" });
  private readonly source = h("p", { class: "counted quiet" });

  constructor(
    readonly info: PanelInfo,
    private readonly layer: LayerInfo,
    private readonly districts: readonly District[],
    private readonly tokens: Tokens,
    private readonly clock: Clock,
    private readonly handlers: Handlers,
  ) {
    this.element.dataset.panel = info.id;
    this.element.append(this.rows, this.source);
    setText(this.source, t("正在读取…"));
  }

  /** The same numbers as the tree shows: in the district that is looked into, and of what filters keep. */
  update(statistics: Statistics): void {
    const counts = this.counts(statistics);
    const most = Math.max(1, ...counts.map(({ count }) => count));
    const { unit } = this.info;
    const focus = this.rows.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset.value : undefined;
    const pressed = this.rows.querySelector<HTMLElement>("[data-spot][aria-pressed=true]")?.dataset.spot;
    this.rows.replaceChildren(
      ...counts.map((each) => {
        const bar = h("span", { class: "bar-part", "aria-hidden": "true" });
        bar.style.setProperty("--share", String(each.count / most));
        bar.style.setProperty("--of", this.colour(each));
        const number = h("span", { class: "bar-count" }, each.count.toLocaleString("en-US"), unit ? h("span", { class: "unit" }, ` ${unit}`) : null);
        const button = this.button(each, h("span", { class: "name" }, each.title), bar, number);
        button.dataset.value = String(each.value);
        if (button.dataset.spot !== undefined) button.setAttribute("aria-pressed", String(button.dataset.spot === pressed));
        return h("li", { class: each.count === 0 ? "none" : "" }, button);
      }),
    );
    if (counts.length === 0) this.rows.append(h("li", { class: "empty" }, t("没有可统计的对象。")));
    if (focus !== undefined) this.rows.querySelector<HTMLElement>(`[data-value="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
    const all = `${statistics.total.toLocaleString("en-US")}${unit ? ` ${unit}` : ""}`;
    setText(this.source, t("共 {n} · {time}", { n: all, time: this.clock.time(Date.parse(statistics.as_of)) }));
  }

  private counts(statistics: Statistics): Count[] {
    if (this.info.by !== "district") return statistics[this.info.by];
    const names = new Map(this.districts.map(({ code, name }) => [code, name]));
    return statistics.district
      .map((each) => ({ ...each, title: names.get(String(each.value)) ?? each.title }))
      .sort((a, b) => b.count - a.count);
  }

  private button(each: Count, ...children: Node[]): HTMLElement {
    const { info, layer, handlers } = this;
    if (info.by === "district") {
      return h("button", { type: "button", class: "bar-row", onclick: () => handlers.onDistrict(String(each.value)) }, ...children);
    }
    const title = `${layer.title} · ${each.title}`;
    const { colour } = layer.style;
    const byField = typeof colour === "object" ? colour.by : null;
    if (info.by === "kind") return spotButton(targetOf(layer, title, layer.source.type === "live" ? null : "kind", each.value), "bar-row", handlers.onPick, ...children);
    return spotButton(targetOf(layer, title, layer.source.type === "live" ? "status" : byField, each.value), "bar-row", handlers.onPick, ...children);
  }

  private colour({ value }: Count): string {
    const { info, layer, tokens } = this;
    const found = info.by === "state" ? layer.legend.find((entry) => entry.value === value)?.colour : undefined;
    return tokens[(found ?? "accent") as TokenName] ?? tokens.accent;
  }
}

/** The panels that modules declare: sections at the wall's sides, and a part of its foot. */
export class Panels {
  private panels: CountPanel[] = [];

  constructor(
    private readonly districts: readonly District[],
    private readonly tokens: Tokens,
    private readonly clock: Clock,
    private readonly handlers: Handlers,
  ) {}

  /** Makes the panels; one whose layer the reader does not have is left out. */
  declare(infos: readonly PanelInfo[], layers: readonly LayerInfo[]): void {
    const byId = new Map(layers.map((layer) => [layer.id, layer]));
    this.panels = infos.flatMap((info) => {
      const layer = byId.get(info.layer);
      if (layer === undefined) return [];
      return [new CountPanel(info, layer, this.districts, this.tokens, this.clock, this.handlers)];
    });
  }

  /** Sections for one place of the wall, in the order in which modules declare them. */
  sections(place: PanelInfo["place"], isOpen: boolean): HTMLElement[] {
    return this.at(place).map(({ info, element }) => section(info.title, isOpen, element));
  }

  /** The panels of the wall's foot, side by side; null: there are none. */
  below(): HTMLElement | null {
    const panels = this.at("below");
    if (panels.length === 0) return null;
    const parts = panels.map(({ info, element }) => h("section", { "aria-label": info.title }, h("h3", {}, info.title), element));
    return h("div", { class: "count-panels" }, ...parts);
  }

  update(statisticsOf: (layer: string) => Statistics | undefined): void {
    for (const panel of this.panels) {
      const statistics = statisticsOf(panel.info.layer);
      if (statistics !== undefined) panel.update(statistics);
    }
  }

  private at(place: PanelInfo["place"]): CountPanel[] {
    return this.panels.filter(({ info }) => info.place === place);
  }
}
