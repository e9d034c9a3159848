import { h, setText } from "../dom";
import { type Alert, SIGNS } from "../screen/alerts";
import type { Found } from "../screen/api";
import type { LayerInfo } from "../screen/layerinfo";
import { t } from "../words";
import type { OutlinedDistrict } from "./boot";
import type { Deed, WallInfo } from "./protocol";
import { Rerun } from "./rerun";

const MOST_ALERTS = 8;
const SEARCH_WAIT_MS = 250;
/** The wall's panels by the names under which scenes know them. */
const panels = (): [name: string, title: string][] => [
  ["what-there-is", t("态势面板")],
  ["what-is-wrong", t("预警面板")],
  ["day", t("24 小时曲线")],
];

interface Handlers {
  tell(order: Deed): void;
  /** Tells every wall that is there. */
  tellAll(order: Deed): void;
  /** The server's time, ms. */
  now(): number;
  search(query: string): Promise<Found[]>;
}

/** Buttons that move the wall itself. */
export class Steering {
  readonly element: HTMLElement;
  private readonly solid: HTMLElement;
  private readonly districtRows = new Map<string, HTMLElement>();
  private readonly panelRows = new Map<string, HTMLElement>();
  private readonly layerRows = new Map<string, HTMLElement>();
  private readonly layers = h("div", { class: "switches" });
  private readonly found = h("div", { class: "found" });
  private readonly alerts = h("div", { class: "found" });
  private readonly rerun: Rerun;
  private wall: WallInfo | null = null;
  private searchTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    districts: readonly OutlinedDistrict[],
    private readonly handlers: Handlers,
  ) {
    const { tell } = handlers;
    const key = (name: string, order: () => Deed): HTMLElement =>
      h("button", { type: "button", class: "key", onclick: () => tell(order()) }, name);
    this.solid = key(t("三维"), () => ({ do: "solid", solid: !(this.wall?.state.solid ?? false) }));
    this.rerun = new Rerun(handlers);
    const query = h("input", {
      type: "search", name: "steer-search", placeholder: t("名称、编号、拼音"), "aria-label": t("搜索并飞到"), autocomplete: "off",
      oninput: () => this.ask(query.value.trim()),
    });
    for (const { code, name } of districts) {
      this.districtRows.set(code, h("button", { type: "button", class: "chip", "aria-pressed": "false", "data-code": code, onclick: () => this.pick(code) }, name));
    }
    for (const [name, title] of panels()) {
      this.panelRows.set(name, h("button", { type: "button", class: "chip", "aria-pressed": "true", "data-panel": name, onclick: () => this.fold(name) }, title));
    }
    this.element = h(
      "section",
      { class: "pane", "data-pane": "steering", "aria-label": t("操控") },
      h("h2", {}, t("操控")),
      h(
        "div",
        { class: "keys" },
        key(t("全域"), () => ({ do: "home" })),
        this.solid,
        key(t("放大"), () => ({ do: "zoom", by: 1 })),
        key(t("缩小"), () => ({ do: "zoom", by: -1 })),
        key(t("关闭卡片"), () => ({ do: "close" })),
        key(t("静音"), () => ({ do: "silence" })),
        key(t("显示编号"), () => ({ do: "identify" })),
      ),
      h("h3", {}, t("回看过去")), this.rerun.element,
      h("h3", {}, t("搜索并飞到")), query, this.found,
      h("h3", {}, t("各区")), h("div", { class: "chips" }, ...this.districtRows.values()),
      h("h3", {}, t("面板")), h("div", { class: "chips" }, ...this.panelRows.values()),
      h("h3", {}, t("图层")), this.layers,
      h("h3", {}, t("打开预警")), this.alerts,
    );
  }

  declare(layers: readonly LayerInfo[]): void {
    this.layerRows.clear();
    for (const { id, title } of layers) {
      const row = h("button", { type: "button", class: "chip", "aria-pressed": "false", "data-layer": id }, title);
      row.addEventListener("click", () => this.handlers.tell({ do: "layer", layer: id, shown: row.getAttribute("aria-pressed") !== "true" }));
      this.layerRows.set(id, row);
    }
    this.layers.replaceChildren(...this.layerRows.values());
    this.show(this.wall);
  }

  show(wall: WallInfo | null): void {
    this.wall = wall;
    const { solid, district, folded, layers } = wall?.state ?? {};
    this.rerun.show(wall);
    setText(this.solid, solid ? t("二维") : t("三维"));
    press(this.districtRows, (code) => code === district);
    press(this.panelRows, (name) => !(folded ?? []).includes(name));
    press(this.layerRows, (id) => (layers ?? []).includes(id));
  }

  /** The open alerts, the gravest first. */
  showAlerts(alerts: readonly Alert[]): void {
    const rows = alerts.slice(0, MOST_ALERTS).map(({ id, grade, grade_name, title, subject, region }) =>
      h(
        "button",
        { type: "button", class: "found-row", "data-alert": id, onclick: () => this.handlers.tell({ do: "alert", id }) },
        h("span", { class: "grade-sign", "data-grade": grade, title: grade_name }, SIGNS[grade]),
        h("span", {}, title, h("span", { class: "quiet" }, [subject, region?.name].filter(Boolean).join(" · "))),
      ),
    );
    this.alerts.replaceChildren(...(rows.length > 0 ? rows : [h("p", { class: "empty" }, t("没有未办结的预警。"))]));
  }

  private pick(code: string): void {
    this.handlers.tell({ do: "district", district: code === this.wall?.state.district ? "" : code });
  }

  private fold(name: string): void {
    const folded = new Set(this.wall?.state.folded ?? []);
    if (!folded.delete(name)) folded.add(name);
    this.handlers.tell({ do: "fold", folded: [...folded] });
  }

  private ask(query: string): void {
    clearTimeout(this.searchTimer);
    if (query === "") {
      this.found.replaceChildren();
      return;
    }
    this.searchTimer = setTimeout(() => void this.search(query), SEARCH_WAIT_MS);
  }

  private async search(query: string): Promise<void> {
    const results = await this.handlers.search(query);
    const rows = results.map((found) =>
      h(
        "button",
        { type: "button", class: "found-row", disabled: found.lon === null && found.type !== "asset", onclick: () => this.go(found) },
        h("span", {}, found.title, h("span", { class: "quiet" }, found.subtitle)),
      ),
    );
    this.found.replaceChildren(...(rows.length > 0 ? rows : [h("p", { class: "empty" }, t("没有找到。"))]));
  }

  private go({ type, id, lon, lat }: Found): void {
    if (lon !== null && lat !== null) this.handlers.tell({ do: "fly", lon, lat, zoom: null });
    if (type === "asset") this.handlers.tell({ do: "asset", id });
  }
}

function press(rows: ReadonlyMap<string, HTMLElement>, isPressed: (key: string) => boolean): void {
  for (const [key, row] of rows) row.setAttribute("aria-pressed", String(isPressed(key)));
}
