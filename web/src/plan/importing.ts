import { h, setText } from "../dom";
import { happened } from "../screen/happened";
import { t } from "../words";
import type { PlanApi } from "./api";
import type { DatumInfo, KindInfo } from "./boot";
import type { Geometry } from "./geometry";

interface Layer {
  name: string;
  count: number;
  geometry_types: Record<string, number>;
  columns: { name: string; samples: string[] }[];
  crs: { name: string; datum: string | null; by_standard: boolean } | null;
  encoding: string;
  geometry_columns: Record<string, string>;
  notes: string[];
}

interface Inspection {
  name: string;
  format: string;
  is_table: boolean;
  has_encoding: boolean;
  layers: Layer[];
}

interface Preview {
  count: number;
  shapes: Geometry[];
  refused: { row: number; text: string }[];
  refused_count: number;
  fixes: string[];
  notes: string[];
  verdict: { text: string; suspicious: boolean; better: { datum: string; swapped: boolean; text: string }[] } | null;
}

interface Handlers {
  /** Where it would land; null: nowhere any more. */
  onShapes(shapes: Geometry[] | null): void;
  /** So many drafts were made. */
  onTaken(count: number): void;
}

// As columns of files are called, whatever language the page has: mingcheng, mingzi, quyu, biaoti.
const NAMES = /^(name|\u540d\u79f0|\u540d\u5b57|\u533a\u57df|\u6807\u9898)$/i;

/** From a file to drafts: what it holds, in which datum, where it lands, what is refused and why. */
export class Importing {
  readonly element: HTMLElement;
  private readonly input = h("input", {
    type: "file", name: "file", accept: ".geojson,.json,.zip,.gpkg,.kml,.kmz,.dxf,.csv,.xlsx", onchange: () => void this.inspect(),
  });
  private readonly options = h("div", { class: "import-options" });
  private readonly report = h("div", { class: "import-report" });
  private readonly said = h("p", { class: "said", role: "status" });
  private readonly take: HTMLButtonElement;
  private readonly controls = new Map<string, HTMLSelectElement>();
  private readonly repair = new Set<string>();
  private found: Inspection | null = null;
  private swap = false;
  private asked = 0;

  constructor(
    private readonly api: PlanApi,
    private readonly kinds: readonly KindInfo[],
    private readonly datums: readonly DatumInfo[],
    private readonly handlers: Handlers,
  ) {
    this.take = h("button", { type: "button", class: "strong", "data-action": "take", hidden: true, onclick: () => void this.takeIn() }, t("导入为草稿"));
    this.element = h(
      "section",
      { class: "importing", "aria-label": t("导入"), hidden: true },
      h("div", { class: "panel-head" }, h("h2", {}, t("导入区域")), h("button", { type: "button", class: "close", "aria-label": t("关闭"), onclick: () => this.close() }, "✕")),
      h("p", { class: "quiet" }, t("GeoJSON、Shapefile（zip）、GeoPackage、KML、DXF、CSV、XLSX")),
      this.input, this.options, this.said, this.report, h("div", { class: "foot" }, this.take),
    );
  }

  open(): void {
    this.element.hidden = false;
    this.input.focus();
  }

  close(): void {
    this.element.hidden = true;
    this.input.value = "";
    this.forget();
  }

  private forget(): void {
    this.found = null;
    this.swap = false;
    this.repair.clear();
    this.take.hidden = true;
    this.options.replaceChildren();
    this.report.replaceChildren();
    setText(this.said, "");
    this.handlers.onShapes(null);
  }

  private async inspect(): Promise<void> {
    this.forget();
    if (this.input.files?.length !== 1) return;
    setText(this.said, t("读取中…"));
    try {
      this.found = await this.send<Inspection>("inspect");
      this.drawOptions();
      await this.preview();
    } catch (error) {
      setText(this.said, happened(error));
    }
  }

  private get layer(): Layer | null {
    const name = this.controls.get("layer")?.value;
    return this.found?.layers.find((layer) => layer.name === name) ?? this.found?.layers[0] ?? null;
  }

  private drawOptions(): void {
    const { found } = this;
    if (found === null || found.layers.length === 0) return;
    this.controls.clear();
    const layer = found.layers[0];
    this.options.replaceChildren(
      found.layers.length > 1 ? this.choice("layer", t("图层"), found.layers.map(({ name, count }) => [name, `${name} (${count})`])) : "",
      this.choice("datum", t("坐标系"), [["", t("请选择")], ...this.datums.map(({ name, title }): [string, string] => [name, title])], layer.crs?.datum ?? ""),
      h("p", { class: "quiet" }, layer.crs === null ? t("文件没有说明坐标系，请按来源选择。") : layer.crs.by_standard ? t("文件未写坐标系，按格式规定应为 {name}；来自网络地图的多为 GCJ-02。", { name: layer.crs.name }) : t("文件声明：{name}", { name: layer.crs.name })),
      found.has_encoding ? this.choice("encoding", t("文字编码"), [["", t("自动（{name}）", { name: layer.encoding })], ["utf-8", "UTF-8"], ["gbk", "GBK"], ["gb18030", "GB18030"]]) : "",
      this.choice("kind", t("类别"), this.kinds.map(({ key, name }) => [key, name])),
      this.column("name", t("名称列"), layer.columns.find(({ name }) => NAMES.test(name))?.name ?? layer.columns[0]?.name ?? ""),
      this.column("z_min", t("底高列"), ""),
      this.column("z_max", t("顶高列"), ""),
    );
  }

  private column(key: string, title: string, value: string): HTMLElement {
    const columns = this.found?.layers[0]?.columns ?? [];
    return this.choice(key, title, [["", t("无")], ...columns.map(({ name, samples }): [string, string] => [name, samples.length > 0 ? `${name}（${samples[0]}…）` : name])], value);
  }

  private choice(key: string, title: string, choices: [string, string][], value = choices[0]?.[0] ?? ""): HTMLElement {
    const select = h("select", { name: `import-${key}`, onchange: () => void this.preview() }, ...choices.map(([choice, name]) => h("option", { value: choice }, name)));
    select.value = value;
    this.controls.set(key, select);
    return h("label", { class: "field" }, title, select);
  }

  private async preview(): Promise<void> {
    const number = ++this.asked;
    this.take.hidden = true;
    if ((this.controls.get("datum")?.value ?? "") === "") {
      setText(this.said, t("请选择坐标系。"));
      return;
    }
    setText(this.said, t("读取中…"));
    try {
      const seen = await this.send<Preview>("preview");
      if (number === this.asked) this.draw(seen);
    } catch (error) {
      if (number === this.asked) setText(this.said, happened(error));
    }
  }

  private draw({ count, shapes, refused, refused_count, fixes, notes, verdict }: Preview): void {
    setText(this.said, t("可导入 {n} 个，{m} 个不能导入。", { n: count, m: refused_count }));
    this.take.hidden = count === 0;
    this.handlers.onShapes(shapes);
    const repairs = { close_ring: t("把没有闭合的环闭合"), make_valid: t("修复自相交的图形") } as Record<string, string>;
    this.report.replaceChildren(
      ...notes.map((note) => h("p", { class: "quiet" }, note)),
      verdict === null ? "" : h("p", { class: verdict.suspicious ? "warning" : "quiet" }, verdict.text),
      ...(verdict?.better ?? []).map(({ datum, swapped, text }) => h("button", { type: "button", onclick: () => this.use(datum, swapped) }, t("改用 {name}", { name: text }))),
      ...fixes.map((fix) => this.fix(fix, repairs[fix] ?? fix)),
      this.list(refused, refused_count),
    );
  }

  private list(refused: { row: number; text: string }[], count: number): HTMLElement | string {
    if (count === 0) return "";
    return h(
      "div", {}, h("h3", {}, t("不能导入的")),
      h("ol", { class: "refused" }, ...refused.map(({ row, text }) => h("li", {}, h("strong", {}, t("第 {n} 行", { n: row })), " ", text))),
      count > refused.length ? h("p", { class: "quiet" }, t("另有 {n} 行未列出。", { n: count - refused.length })) : "",
    );
  }

  private fix(fix: string, name: string): HTMLElement {
    const box = h("input", {
      type: "checkbox", checked: this.repair.has(fix),
      onchange: () => {
        if (box.checked) this.repair.add(fix);
        else this.repair.delete(fix);
        void this.preview();
      },
    });
    return h("label", { class: "check" }, box, name);
  }

  private use(datum: string, isSwapped: boolean): void {
    const select = this.controls.get("datum");
    if (select === undefined) return;
    if (![...select.options].some(({ value }) => value === datum)) select.append(h("option", { value: datum }, datum));
    select.value = datum;
    this.swap = isSwapped;
    void this.preview();
  }

  private async takeIn(): Promise<void> {
    this.take.disabled = true;
    try {
      const { drafts, refused } = await this.send<{ drafts: number[]; refused: { row: number; text: string }[] }>("take");
      this.report.replaceChildren(this.list(refused, refused.length));
      this.take.hidden = true;
      setText(this.said, t("已导入 {n} 个草稿，{m} 个未导入。", { n: drafts.length, m: refused.length }));
      this.handlers.onTaken(drafts.length);
      if (refused.length === 0) this.close();
    } catch (error) {
      setText(this.said, happened(error));
    }
    this.take.disabled = false;
  }

  private send<T>(step: string): Promise<T> {
    const file = this.input.files?.[0];
    if (file === undefined) return Promise.reject(new Error(t("请选择文件。")));
    const chosen = (key: string): string => this.controls.get(key)?.value ?? "";
    const form = new FormData();
    form.append("file", file);
    form.append(
      "choice",
      JSON.stringify({
        layer: chosen("layer") || (this.layer?.name ?? null), datum: chosen("datum") || null, encoding: chosen("encoding") || null,
        columns: this.found?.is_table ? (this.layer?.geometry_columns ?? {}) : {}, swap_axes: this.swap, repair: [...this.repair],
        kind: chosen("kind") || "fence", name: chosen("name"), z_min: chosen("z_min"), z_max: chosen("z_max"),
      }),
    );
    return this.api.ask("POST", `import/${step}`, form);
  }
}
