import { h, setText } from "../../dom";
import { t } from "../../words";
import type { Answered, Counted, LayerAnswer, Tool } from "./questions";

/** Rows of a table that are shown; files have all. */
const SHOWN = 50;
const MOST_BARS = 6;

export interface Settings {
  radius_m: number;
  width_m: number;
  k: number;
  hours: number;
}

interface Handlers {
  onTool(tool: Tool): void;
  onFile(kind: "xlsx" | "geojson"): void;
  onRow(layer: LayerAnswer, row: LayerAnswer["rows"][number]): void;
  onClose(): void;
}

/** The pane of the questions: tools, numbers, and the answers by layer. */
export class AskPane {
  readonly element: HTMLElement;
  private readonly buttons = new Map<Tool, HTMLButtonElement>();
  private readonly hint = h("p", { class: "ask-hint quiet", role: "status" });
  private readonly answers = h("div", { class: "ask-answers" });
  private readonly files: HTMLElement;
  private readonly numbers: Record<keyof Settings, HTMLInputElement>;

  constructor(private readonly handlers: Handlers) {
    const tools: [Tool, string][] = [
      ["circle", t("圆形")], ["rectangle", t("矩形")], ["polygon", t("圈画")], ["corridor", t("走廊")],
      ["nearest", t("最近")], ["district", t("行政区")], ["near", t("选中周边")], ["crossed", t("越线")],
    ];
    for (const [tool, title] of tools) {
      this.buttons.set(tool, h("button", { type: "button", class: "tool", "aria-pressed": "false", "data-tool": tool, onclick: () => handlers.onTool(tool) }, title));
    }
    const number = (value: number, most: number): HTMLInputElement => h("input", { type: "number", min: 1, max: most, value, inputmode: "numeric" });
    this.numbers = { radius_m: number(2000, 200_000), width_m: number(500, 200_000), k: number(10, 500), hours: number(2, 24) };
    const field = (name: keyof Settings, title: string, unit: string): HTMLElement =>
      h("label", {}, h("span", {}, title), this.numbers[name], h("span", { class: "unit" }, unit));
    this.files = h(
      "div",
      { class: "ask-files", hidden: true },
      h("button", { type: "button", class: "tool", onclick: () => handlers.onFile("xlsx") }, t("导出 XLSX")),
      h("button", { type: "button", class: "tool", onclick: () => handlers.onFile("geojson") }, t("导出 GeoJSON")),
    );
    this.element = h(
      "section",
      { class: "panel ask-pane", "aria-label": t("图上查询"), hidden: true },
      h(
        "div",
        { class: "ask-head" },
        h("h2", {}, t("图上查询")),
        h("button", { type: "button", class: "close", "aria-label": t("关闭"), onclick: () => handlers.onClose() }, "×"),
      ),
      h("div", { class: "ask-tools", role: "toolbar" }, ...this.buttons.values()),
      h(
        "div",
        { class: "ask-numbers" },
        field("radius_m", t("周边半径"), t("米")), field("width_m", t("走廊宽"), t("米")),
        field("k", t("最近"), t("个")), field("hours", t("越线回溯"), t("小时")),
      ),
      this.hint,
      this.answers,
      this.files,
    );
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  open(isOpen: boolean): void {
    this.element.hidden = !isOpen;
  }

  /** What the numbers say, within their limits. */
  settings(): Settings {
    const read = (name: keyof Settings): number => {
      const { value, min, max } = this.numbers[name];
      return Math.min(Number(max), Math.max(Number(min), Number(value) || Number(min)));
    };
    return { radius_m: read("radius_m"), width_m: read("width_m"), k: Math.round(read("k")), hours: read("hours") };
  }

  /** Marks the tool in hand, and says how it is used. */
  take(tool: Tool | null, hint: string): void {
    for (const [each, button] of this.buttons) button.setAttribute("aria-pressed", String(each === tool));
    setText(this.hint, hint);
  }

  wait(): void {
    setText(this.hint, t("正在查询…"));
  }

  fail(what: string): void {
    setText(this.hint, what);
    this.answers.replaceChildren();
    this.files.hidden = true;
  }

  show(answered: Answered): void {
    setText(this.hint, t("共 {n} 个", { n: answered.total.toLocaleString("en-US") }));
    this.files.hidden = answered.total === 0;
    const some = answered.layers.filter(({ total }) => total > 0);
    this.answers.replaceChildren(...some.map((layer, i) => this.layer(layer, i === 0)));
    if (some.length === 0) this.answers.append(h("p", { class: "empty" }, t("范围内没有可看的对象。可扩大范围后再试。")));
  }

  private layer(answer: LayerAnswer, isOpen: boolean): HTMLElement {
    const away = answer.rows.some(({ distance_m }) => distance_m !== null);
    const head = [...answer.columns.map(({ title }) => title), ...(away ? [t("距离")] : [])];
    const rows = answer.rows.slice(0, SHOWN).map((row) =>
      h(
        "tr",
        { tabindex: 0, onclick: () => this.handlers.onRow(answer, row), onkeydown: (event) => (event as KeyboardEvent).key === "Enter" && this.handlers.onRow(answer, row) },
        ...row.values.map((value) => h("td", {}, value === null ? "—" : String(value))),
        row.distance_m === null ? null : h("td", { class: "number" }, `${Math.round(row.distance_m).toLocaleString("en-US")} m`),
      ),
    );
    const left = answer.total - rows.length;
    return h(
      "details",
      { class: "section ask-layer", open: isOpen, "data-layer": answer.id },
      h("summary", {}, answer.title, h("span", { class: "total" }, answer.total.toLocaleString("en-US"))),
      bars(answer.state), bars(answer.district),
      h("div", { class: "ask-table" }, h("table", {}, h("thead", {}, h("tr", {}, ...head.map((title) => h("th", { scope: "col" }, title)))), h("tbody", {}, ...rows))),
      left > 0 ? h("p", { class: "quiet" }, t("另有 {n} 个，请导出查看。", { n: left.toLocaleString("en-US") })) : null,
    );
  }
}

/** Counts as bars, the most first. */
function bars(counts: readonly Counted[]): HTMLElement | null {
  if (counts.length < 2) return null;
  const most = Math.max(...counts.map(({ count }) => count));
  return h(
    "ul",
    { class: "bars" },
    ...counts.slice(0, MOST_BARS).map(({ title, count }) => {
      const bar = h("span", { class: "bar-part", "aria-hidden": "true" });
      bar.style.setProperty("--share", String(count / most));
      return h("li", {}, h("div", { class: "bar-row" }, h("span", { class: "name" }, title), bar, h("span", { class: "bar-count" }, count.toLocaleString("en-US"))));
    }),
  );
}
