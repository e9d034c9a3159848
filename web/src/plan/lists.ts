import { h, setText } from "../dom";
import { happened } from "../screen/happened";
import { t } from "../words";
import type { AreaInfo, DraftInfo, PlanApi } from "./api";
import type { KindInfo } from "./boot";

const WAIT_MS = 250;

interface Handlers {
  onDraft(id: number): void;
  onArea(id: number): void;
  onNew(): void;
  onImport(): void;
  /** [west, south, east, north] of what the map shows. */
  bounds(): [number, number, number, number] | null;
}

/** What there is: open drafts, and areas by search and by what the map shows. */
export class Lists {
  readonly element: HTMLElement;
  private readonly search = h("input", { type: "search", placeholder: t("按名称查找"), "aria-label": t("按名称查找"), oninput: () => this.wait() });
  private readonly state: HTMLSelectElement;
  private readonly kind: HTMLSelectElement;
  private readonly inView = h("input", { type: "checkbox", onchange: () => void this.read() });
  private readonly list = h("ul", { class: "plan-list" });
  private readonly note = h("p", { class: "quiet note", role: "status" });
  private readonly more = h("button", { type: "button", class: "more", onclick: () => void this.read(true) }, t("再列一页"));
  private readonly format: HTMLSelectElement;
  private readonly tabs: Record<"drafts" | "areas", HTMLElement>;
  private readonly kinds: ReadonlyMap<string, string>;
  private tab: "drafts" | "areas" = "drafts";
  private next: number | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = 0;
  private chosen = "";

  constructor(
    private readonly api: PlanApi,
    kinds: readonly KindInfo[],
    private readonly handlers: Handlers,
  ) {
    this.kinds = new Map(kinds.map(({ key, name }) => [key, name]));
    const option = (value: string, name: string): HTMLElement => h("option", { value }, name);
    this.state = h(
      "select",
      { "aria-label": t("方案状态"), onchange: () => void this.read() },
      option("open", t("未完成")), option("submitted", t("待批准")), option("active", t("已生效")), option("discarded", t("已作废")),
    );
    this.kind = h(
      "select",
      { "aria-label": t("区域类别"), onchange: () => void this.read() },
      option("", t("各类")), ...kinds.map(({ key, name }) => option(key, name)),
    );
    this.format = h(
      "select",
      { "aria-label": t("导出"), onchange: () => this.export() },
      option("", t("导出现有区域…")),
      ...Object.entries({ geojson: "GeoJSON", shp: "Shapefile", gpkg: "GeoPackage", kml: "KML", dxf: "DXF", csv: "CSV", xlsx: "XLSX" }).map(([value, name]) => option(value, name)),
    );
    this.tabs = {
      drafts: h("button", { type: "button", role: "tab", onclick: () => this.turn("drafts") }, t("方案")),
      areas: h("button", { type: "button", role: "tab", onclick: () => this.turn("areas") }, t("现有区域")),
    };
    this.element = h(
      "section",
      { class: "pane lists", "aria-label": t("方案与区域") },
      h("div", { class: "pane-tabs", role: "tablist" }, this.tabs.drafts, this.tabs.areas),
      h("div", { class: "filters" }, this.search, this.state, this.kind, h("label", { class: "check" }, this.inView, t("仅地图范围内"))),
      this.note, this.list, this.more,
      h(
        "div", { class: "files" },
        h("button", { type: "button", class: "import", onclick: () => handlers.onImport() }, t("导入")),
        this.format,
      ),
      h("button", { type: "button", class: "strong new", onclick: () => handlers.onNew() }, t("新建区域")),
    );
    this.turn("drafts");
  }

  turn(tab: "drafts" | "areas"): void {
    this.tab = tab;
    for (const [name, element] of Object.entries(this.tabs)) element.setAttribute("aria-selected", String(name === tab));
    this.state.hidden = tab !== "drafts";
    this.kind.hidden = tab !== "areas";
    this.inView.parentElement?.toggleAttribute("hidden", tab !== "areas");
    void this.read();
  }

  /** The map was moved. */
  moved(): void {
    if (this.tab === "areas" && this.inView.checked) this.wait();
  }

  /** Marks what is open. */
  mark(chosen: string): void {
    this.chosen = chosen;
    for (const row of this.list.querySelectorAll("button")) row.setAttribute("aria-current", String(row.dataset.key === chosen));
  }

  async read(isNext = false): Promise<void> {
    const number = ++this.asked;
    try {
      const rows = this.tab === "drafts" ? await this.drafts() : await this.areas(isNext);
      if (number !== this.asked) return;
      if (isNext) this.list.append(...rows);
      else this.list.replaceChildren(...rows);
      this.more.hidden = this.tab !== "areas" || this.next === null;
      this.mark(this.chosen);
    } catch (error) {
      if (number === this.asked) setText(this.note, t("没有读到：{what}", { what: happened(error) }));
    }
  }

  /** The areas that the search finds, as a file. */
  private export(): void {
    const { value } = this.format;
    this.format.value = "";
    if (value === "") return;
    const isAreas = this.tab === "areas";
    window.location.assign(this.api.exportAddress({ format: value, q: isAreas ? this.search.value : "", kind: isAreas ? this.kind.value : "" }));
  }

  private wait(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.read(), WAIT_MS);
  }

  private async drafts(): Promise<HTMLElement[]> {
    const { drafts, more } = await this.api.drafts(this.state.value, this.search.value);
    setText(this.note, drafts.length === 0 ? t("没有这样的方案。点“新建区域”开始画，或在“现有区域”里选一个来改。") : more ? t("只列出最近改动的；请用名称查找其余的。") : "");
    return drafts.map((draft) => this.draftRow(draft));
  }

  private async areas(isNext: boolean): Promise<HTMLElement[]> {
    const query: Record<string, string> = { q: this.search.value, kind: this.kind.value };
    const bounds = this.inView.checked ? this.handlers.bounds() : null;
    if (bounds !== null) query.bbox = bounds.join(",");
    if (isNext && this.next !== null) query.after = String(this.next);
    const { areas, next, count, counted } = await this.api.areas(query);
    this.next = next;
    if (!isNext) {
      const words = { n: count.toLocaleString("en-US") };
      setText(this.note, count === 0 ? t("没有找到区域。换个名称，或移动地图。") : counted ? t("共 {n} 个", words) : t("多于 {n} 个，请缩小范围", words));
    }
    return areas.map((area) => this.areaRow(area));
  }

  private draftRow(draft: DraftInfo): HTMLElement {
    const about = draft.area === null ? t("新区域") : draft.retire ? t("停用") : t("修改第 {n} 版", { n: draft.base_version ?? 0 });
    return this.row(
      `draft-${draft.id}`, draft.name, h("span", { class: "state", "data-state": draft.state }, draft.state_name),
      [this.kinds.get(draft.kind) ?? draft.kind, about, draft.region, draft.created_by],
      () => this.handlers.onDraft(draft.id),
    );
  }

  private areaRow(area: AreaInfo): HTMLElement {
    return this.row(
      `area-${area.id}`, area.name, h("span", { class: "quiet" }, t("第 {n} 版", { n: area.version })),
      [this.kinds.get(area.kind) ?? area.kind, area.region, area.owner],
      () => this.handlers.onArea(area.id),
    );
  }

  private row(key: string, name: string, mark: HTMLElement, details: string[], onclick: () => void): HTMLElement {
    const text = details.filter((detail) => detail !== "").join(" · ");
    return h(
      "li", {},
      h("button", { type: "button", class: "plan-row", "data-key": key, onclick }, h("strong", {}, name), mark, h("span", { class: "quiet details" }, text)),
    );
  }
}
