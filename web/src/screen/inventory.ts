import { h } from "../dom";
import type { Stream } from "../live/stream";
import type { Emphasis } from "../map/picture";
import type { MapCanvas } from "../map/canvas";
import type { Notices } from "../map/notices";
import type { Clock } from "../time";
import type { Tokens } from "../tokens";
import { t } from "../words";
import type { ScreenApi } from "./api";
import { Census } from "./census";
import { DistrictList } from "./districts";
import { FeatureLight, siftFeatures } from "./features";
import { type GridLayer, Grids, isGrid } from "./grids";
import type { Ground } from "./ground";
import { happened } from "./happened";
import type { District, LayerInfo } from "./layerinfo";
import type { Memory, Remembered } from "./memory";
import { Panels } from "./panels";
import { shadesOf } from "./shades";
import { section } from "./side";
import { Spotlight, type Target } from "./spotlight";
import { Tree } from "./tree";

interface Deps {
  api: ScreenApi;
  clock: Clock;
  tokens: Tokens;
  /** Enlarges symbols on a wall. */
  scale: number;
  districts: readonly District[];
  stream: Stream;
  notices: Notices;
  memory: Memory;
  root: HTMLElement;
  /** A district of the lists was chosen. */
  onDistrict(district: District): void;
  /** Other things are let through to the map. */
  onSifted(): void;
  /** Other things stand out on the map. */
  onEmphasis(emphasis: Emphasis | null): void;
  onAlerts(areMarked: boolean): void;
}

/** What there is: counters, layers with their filters, the modules' panels, districts; and how the map follows them. */
export class Inventory {
  readonly tree: Tree;
  readonly spotlight: Spotlight;
  layers: LayerInfo[] = [];
  /** Stand in the left side, the right side and the foot; the latter two stay empty where no module declares any. */
  readonly left: HTMLElement[];
  readonly right = h("div", { class: "module-panels" });
  readonly below = h("div", { class: "module-panels" });
  readonly grids: Grids;
  private readonly census: Census;
  private readonly districts: DistrictList;
  private readonly panels: Panels;
  private readonly leftPanels = h("div", { class: "module-panels" });
  private remembered: Remembered;
  private ground: Ground | null = null;
  private canvas: MapCanvas | null = null;
  private light: FeatureLight | null = null;

  constructor(private readonly deps: Deps) {
    const { api, clock, tokens, scale } = deps;
    const onPick = (target: Target): void => this.spotlight.pick(target);
    this.remembered = deps.memory.read();
    this.spotlight = new Spotlight(deps.root, () => this.enlighten());
    this.tree = new Tree(tokens, 18 * scale, {
      onToggle: (layer) => this.toggled(layer),
      onAlerts: (isShown) => deps.onAlerts(isShown),
      onPick,
    });
    this.grids = new Grids(api, clock);
    this.districts = new DistrictList(deps.districts, (district) => deps.onDistrict(district));
    this.panels = new Panels(deps.districts, tokens, clock, {
      onPick,
      onDistrict: (code) => {
        const district = deps.districts.find((each) => each.code === code);
        if (district !== undefined) deps.onDistrict(district);
      },
    });
    this.census = new Census(api, clock, tokens, 15 * scale, this.tree, this.districts, onPick, () => this.counted());
    const isLow = window.innerHeight < 900;
    this.left = [
      this.census.counters.element,
      section(t("图层"), true, this.tree.element),
      this.leftPanels,
      ...(deps.districts.length > 1 ? [section(t("各区"), !isLow, this.districts.element)] : []),
    ];
  }

  get isTrailing(): boolean {
    return this.remembered.isTrailing;
  }

  set isTrailing(isTrailing: boolean) {
    this.remembered = { ...this.remembered, isTrailing };
    this.deps.memory.write(this.remembered);
  }

  /** Reads what modules declare. */
  async read(): Promise<void> {
    const { api, notices, onAlerts } = this.deps;
    try {
      const [layers, panels] = await Promise.all([api.layers(), api.panels()]);
      this.layers = layers;
      this.panels.declare(panels, layers);
    } catch (error) {
      notices.note(t("图层读取失败：{what}。刷新页面可重试。", { what: happened(error) }));
    }
    this.tree.declare(this.layers, this.remembered);
    onAlerts(this.tree.areAlertsShown);
    const isTall = window.innerHeight >= 1000;
    this.leftPanels.replaceChildren(...this.panels.sections("left", isTall));
    this.right.replaceChildren(...this.panels.sections("right", isTall));
    const below = this.panels.below();
    if (below !== null) this.below.replaceChildren(below);
    this.census.start(this.layers);
    this.deps.onSifted();
  }

  /** The map is there: what is switched on appears on it. */
  draw(canvas: MapCanvas, ground: Ground): void {
    this.canvas = canvas;
    this.ground = ground;
    this.light = new FeatureLight(canvas.map, this.deps.tokens.accent, this.deps.scale);
    ground.add(this.layers);
    for (const layer of this.layers) this.put(layer);
    this.tree.zoomed(canvas.zoom);
    this.counted();
  }

  /** How many features of a layer of the ground are in the picture. */
  drawn(layer: string): number {
    const map = this.canvas?.map;
    const layers = map?.getStyle().layers.map(({ id }) => id).filter((id) => id.startsWith(`${layer}/`)) ?? [];
    return layers.length === 0 ? 0 : (map?.queryRenderedFeatures({ layers }).length ?? 0);
  }

  /** The layer whose card tells of a kind of thing (by its key). */
  cardOf(kind: string): LayerInfo | undefined {
    return this.layers.find(({ source, style }) => source.type === "live" && source.kind === kind && style.type === "icon");
  }

  /** Looks into one district, or at everything. */
  look(district: District | null): void {
    this.districts.choose(district);
    this.census.look(district?.code ?? "");
  }

  /** @param ids things with an alert that nobody has acknowledged, in the district that is looked into */
  alerting(ids: ReadonlySet<number>): void {
    this.census.alerting(ids.size);
    this.spotlight.alert(ids);
  }

  /** Alerts by district. */
  alert(...given: Parameters<DistrictList["alert"]>): void {
    this.districts.alert(...given);
  }

  /** Risk grids that are switched on, the topmost first. */
  get shownGrids(): GridLayer[] {
    return this.layers.filter(isGrid).filter((layer) => this.tree.isShown(layer)).reverse();
  }

  /** Ids of layers that are switched on and have things of their own to ask about. */
  get askable(): string[] {
    const pictures = new Set(["heat", "district", "cells"]);
    return this.layers.filter((layer) => this.tree.isShown(layer) && !pictures.has(layer.style.type)).map(({ id }) => id);
  }

  /** Gives heat maps the present places, and risk grids the moment that is shown. */
  heat(): void {
    this.grids.follow(this.canvas, this.shownGrids);
    for (const layer of this.layers) {
      if (layer.style.type !== "heat" || layer.source.type !== "live" || !this.tree.isShown(layer)) continue;
      this.ground?.heat(layer, this.deps.stream.points(layer.source.code, this.tree.filters.looks(layer)));
    }
  }

  private counted(): void {
    this.panels.update((layer) => this.census.counts(layer));
    for (const layer of this.layers) {
      if (layer.style.type !== "district") continue;
      const counts = this.census.byDistrict(layer);
      this.ground?.fillDistricts(layer, counts);
      this.tree.shade(layer.id, shadesOf(counts.values()));
    }
  }

  private toggled(layer: LayerInfo | null): void {
    for (const each of layer === null ? this.layers : [layer]) this.put(each);
    this.remembered = { ...this.remembered, ...this.tree.remembered() };
    this.deps.memory.write(this.remembered);
    this.heat();
    this.census.sift();
    this.enlighten();
    this.deps.onSifted();
  }

  private put(layer: LayerInfo): void {
    this.ground?.show(layer, this.tree.isShown(layer));
    if (this.canvas !== null) siftFeatures(this.canvas.map, layer, this.tree.filters.expression(layer));
  }

  private enlighten(): void {
    const { target } = this.spotlight;
    if (target?.type === "features" && this.tree.isShown(target.layer)) {
      this.light?.light(target.layer, this.tree.filters.expression(target.layer), target.field, target.value);
    } else {
      this.light?.darken();
    }
    this.deps.onEmphasis(this.spotlight.emphasis());
  }
}
