import { h, setText } from "../dom";
import { LOOKS } from "../live/store";
import { glyphPicture } from "../map/glyphs";
import { lookColours } from "../map/layers";
import type { TokenName, Tokens } from "../tokens";
import { t } from "../words";
import type { Filters } from "./filters";
import type { FilterInfo, LayerInfo, Statistics, Value } from "./layerinfo";
import type { Shade } from "./shades";
import { type Target, spotButton, targetOf } from "./spotlight";

interface Handlers {
  onSwitch(isShown: boolean): void;
  onFilter(): void;
  onPick(target: Target): void;
}

interface Choice {
  filter: FilterInfo;
  value: Value;
  box: HTMLInputElement;
  count: HTMLElement;
}

/** One layer in the tree: switch, sign, count, legend, and its filters to unfold. */
export class LayerRow {
  readonly element: HTMLElement;
  private readonly box: HTMLInputElement;
  private readonly total: HTMLButtonElement;
  private readonly fold: HTMLElement | null;
  private readonly choices: Choice[] = [];
  private readonly shades = h("ul", { class: "layer-legend", "aria-label": t("每区数量") });

  constructor(
    private readonly layer: LayerInfo,
    private readonly filters: Filters,
    private readonly tokens: Tokens,
    private readonly glyphSize: number,
    private readonly handlers: Handlers,
  ) {
    const { style, source, legend } = layer;
    this.box = h("input", { type: "checkbox", onchange: () => handlers.onSwitch(this.box.checked) });
    this.total = spotButton(targetOf(layer, layer.title), "total", handlers.onPick);
    // What a heat or colour-block map counts, the layer of the things themselves counts; cells are no things.
    this.total.hidden = style.type === "heat" || style.type === "district" || style.type === "cells";
    this.total.textContent = "…";
    const body = layer.filters.length === 0 ? null : h("div", { class: "layer-filters", hidden: true }, ...layer.filters.map((each) => this.filter(each)));
    this.fold = body === null ? null : this.folder(body);
    this.element = h(
      "li",
      { class: "layer", "data-layer": layer.id },
      h(
        "div",
        { class: "layer-line" },
        h("label", { title: layer.title }, this.box, this.swatch(), h("span", { class: "name" }, layer.title), this.total),
        this.fold,
      ),
      source.type !== "live" && legend.length > 1 ? this.legend() : null,
      style.type === "district" ? this.shades : null,
      body,
    );
  }

  show(isShown: boolean): void {
    this.box.checked = isShown;
    this.element.classList.toggle("narrow", this.filters.isNarrow(this.layer));
    for (const { filter, value, box } of this.choices) box.checked = this.filters.keeps(this.layer, filter.field, value);
  }

  far(isFar: boolean): void {
    this.element.classList.toggle("far", isFar);
  }

  count(kept: Statistics, all: Statistics): void {
    setText(this.total, kept.total.toLocaleString("en-US"));
    for (const { filter, value, count } of this.choices) {
      setText(count, this.filters.countOf(this.layer, filter, value, all).toLocaleString("en-US"));
    }
  }

  /** What the shades of a colour-block map stand for. */
  shade(shades: readonly Shade[]): void {
    const lines = shades.map(({ low, high, share }) => {
      const patch = this.patch(this.colourName, "shade");
      patch.style.setProperty("--share", String(share * (this.layer.style.most_opacity ?? 1)));
      return h("li", {}, patch, low === high ? String(low) : `${low}–${high}`);
    });
    this.shades.replaceChildren(...lines);
  }

  private get colourName(): string {
    const { colour } = this.layer.style;
    return typeof colour === "string" ? colour : "grade-orange";
  }

  private folder(body: HTMLElement): HTMLElement {
    const button = h(
      "button",
      {
        type: "button", class: "filter-fold", "aria-expanded": "false", "aria-label": t("筛选 {name}", { name: this.layer.title }),
        title: t("筛选"),
        onclick: () => {
          body.hidden = !body.hidden;
          button.setAttribute("aria-expanded", String(!body.hidden));
        },
      },
      h("span", { class: "funnel", "aria-hidden": "true" }),
    );
    return button;
  }

  private filter(filter: FilterInfo): HTMLElement {
    const { layer, filters, handlers } = this;
    const rows = filter.options.map(({ value, title }) => {
      const box = h("input", {
        type: "checkbox",
        onchange: () => {
          filters.choose(layer, filter, value, box.checked);
          handlers.onFilter();
        },
      });
      const count = spotButton(targetOf(layer, `${layer.title} · ${title}`, filter.field, value), "total", handlers.onPick);
      this.choices.push({ filter, value, box, count });
      return h("li", { "data-value": String(value) }, h("label", {}, box, this.sign(filter, value), h("span", { class: "name" }, title), count));
    });
    return h("fieldset", {}, h("legend", {}, filter.title), h("ul", {}, ...rows));
  }

  /** How things with this value look, where the map shows it. */
  private sign(filter: FilterInfo, value: Value): HTMLElement | null {
    const { layer } = this;
    if (filter.field === "status") {
      const look = typeof value === "number" ? (LOOKS[value] ?? "idle") : "silent";
      return glyphPicture("dot", look, lookColours(this.tokens)[look], this.glyphSize * 0.8);
    }
    const { colour } = layer.style;
    if (typeof colour !== "object" || colour.by !== filter.field) return null;
    return this.patch(colour.colours.find((each) => each.value === value)?.colour ?? colour.other, layer.style.type);
  }

  private swatch(): HTMLElement {
    const { style, source } = this.layer;
    if (source.type === "live" && style.type === "icon") {
      return glyphPicture(style.glyph ?? "dot", "working", lookColours(this.tokens).working, this.glyphSize);
    }
    return this.patch(this.colourName, `${style.type} ${style.hatched ? "hatched" : ""}`);
  }

  private patch(colour: string, kind: string): HTMLElement {
    const patch = h("span", { class: `swatch ${kind}`, "aria-hidden": "true" });
    patch.style.setProperty("--of", this.tokens[colour as TokenName] ?? this.tokens.accent);
    return patch;
  }

  private legend(): HTMLElement {
    const { legend, style } = this.layer;
    const lines = legend.map(({ title, colour }) => h("li", {}, this.patch(colour, style.type), title));
    return h("ul", { class: "layer-legend" }, ...lines);
  }
}
