import { h, setText } from "../dom";
import { happened } from "../screen/happened";
import { t } from "../words";
import type { PlanApi } from "./api";
import type { Point } from "./geometry";
import type { Fields } from "./work";

const WAIT_MS = 500;
const LEVELS = 5;

interface RuleInfo {
  id: string;
  title: string;
  grade: number;
  enabled: boolean;
  parameters: ParameterInfo[];
}

interface ParameterInfo {
  key: string;
  title: string;
  kind: "int" | "float" | "bool" | "choice";
  unit: string;
  minimum: number | null;
  maximum: number | null;
  choices: [string, string][];
  value: number | boolean | string;
}

interface Answer {
  alerts: number;
  entries: number;
  visitors: number;
  rows: number;
  thinned: boolean;
  rules: { id: string; title: string; grade: number; alerts: number; assets: number; fault: string }[];
  by_hour: number[][];
  assets: { id: number; kind: string; code: string; name: string; alerts: number }[];
  spots: Point[];
  overlaps: { id: number; name: string; kind: string; share: number }[];
  took_ms: number;
}

/** What an area would have done on the recorded past; the numbers follow the shape. */
export class Rehearsal {
  readonly element: HTMLElement;
  private readonly days: HTMLSelectElement;
  private readonly rules = h("div", { class: "rules" });
  private readonly follows = h("input", { type: "checkbox", checked: true });
  private readonly go: HTMLButtonElement;
  private readonly said = h("p", { class: "said", role: "status" });
  private readonly result = h("div", { class: "rehearsed" });
  private readonly chosen = new Map<string, Record<string, number | boolean | string>>();
  private fields: Fields | null = null;
  private area: number | null = null;
  private key = "";
  private running: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private hasRun = false;

  constructor(
    private readonly api: PlanApi,
    private readonly onSpots: (spots: readonly Point[]) => void,
  ) {
    this.days = h(
      "select", { name: "days" },
      ...[1, 3, 7, 14, 30].map((days) => h("option", { value: days }, t("最近 {n} 天", { n: days }))),
    );
    this.go = h("button", { type: "button", class: "strong", "data-action": "rehearse", onclick: () => void this.run() }, t("预演"));
    this.element = h(
      "div",
      { class: "pane-body" },
      h("p", { class: "quiet" }, t("按历史位置推演：这个区域如果早已生效，会产生哪些预警。不影响实时流。")),
      h("div", { class: "pair" }, h("label", { class: "field" }, t("时间"), this.days), this.go),
      h("label", { class: "check" }, this.follows, t("改图形后自动重算")),
      h("details", {}, h("summary", {}, t("规则")), this.rules),
      this.said,
      this.result,
    );
  }

  show(fields: Fields, area: number | null): void {
    const { shape, kind, z_min_m, z_max_m, periods } = fields;
    const isOther = area !== this.area;
    this.fields = fields;
    this.area = area;
    const key = JSON.stringify([shape, kind, z_min_m, z_max_m, periods]);
    if (key === this.key) return;
    this.key = key;
    if (isOther) this.forget();
    clearTimeout(this.timer);
    if (this.hasRun && this.follows.checked && shape !== null) this.timer = setTimeout(() => void this.run(), WAIT_MS);
  }

  /** Something else is open. */
  forget(): void {
    this.hasRun = false;
    this.running?.abort();
    this.result.replaceChildren();
    setText(this.said, "");
    this.onSpots([]);
  }

  /** The pane is looked at. */
  async open(): Promise<void> {
    if (this.rules.childElementCount > 0) return;
    try {
      const { rules } = await this.api.get<{ rules: RuleInfo[] }>("rules");
      this.rules.replaceChildren(...rules.map((rule) => this.rule(rule)));
    } catch (error) {
      setText(this.said, happened(error));
    }
  }

  private rule(rule: RuleInfo): HTMLElement {
    const values = Object.fromEntries(rule.parameters.map(({ key, value }) => [key, value]));
    if (rule.enabled) this.chosen.set(rule.id, values);
    const box = h("input", {
      type: "checkbox", checked: rule.enabled, "data-rule": rule.id,
      onchange: () => {
        if (box.checked) this.chosen.set(rule.id, values);
        else this.chosen.delete(rule.id);
      },
    });
    return h(
      "div", { class: "rule" },
      h("label", { class: "check" }, box, rule.title, rule.enabled ? null : h("span", { class: "quiet" }, t("未启用"))),
      ...rule.parameters.map((parameter) => this.parameter(parameter, values)),
    );
  }

  private parameter(parameter: ParameterInfo, values: Record<string, number | boolean | string>): HTMLElement {
    const { key, kind, choices, value } = parameter;
    const title = parameter.unit === "" ? parameter.title : `${parameter.title}（${parameter.unit}）`;
    if (kind === "choice") {
      const select = h("select", { onchange: () => (values[key] = select.value) }, ...choices.map(([choice, name]) => h("option", { value: choice }, name)));
      select.value = String(value);
      return h("label", { class: "field" }, title, select);
    }
    if (kind === "bool") {
      const box = h("input", { type: "checkbox", checked: value === true, onchange: () => (values[key] = box.checked) });
      return h("label", { class: "check" }, box, title);
    }
    const input = h("input", {
      type: "number", step: kind === "int" ? 1 : "any", value: Number(value), min: parameter.minimum ?? undefined, max: parameter.maximum ?? undefined,
      onchange: () => {
        if (Number.isFinite(input.valueAsNumber)) values[key] = input.valueAsNumber;
      },
    });
    return h("label", { class: "field" }, title, input);
  }

  private async run(): Promise<void> {
    const { fields } = this;
    if (fields === null || fields.shape === null) {
      setText(this.said, t("请先在地图上画出图形，或输入坐标。"));
      return;
    }
    await this.open();
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    this.hasRun = true;
    this.element.dataset.running = "yes";
    setText(this.said, t("推演中…"));
    const { shape, kind, z_min_m, z_max_m, owner, periods } = fields;
    const asked = {
      shape, kind, z_min_m, z_max_m, periods, owner: owner?.id ?? null, area: this.area, days: Number(this.days.value),
      rules: [...this.chosen.keys()], parameters: Object.fromEntries(this.chosen),
    };
    try {
      const answer = await this.api.ask<Answer>("POST", "rehearse", asked, running.signal);
      this.draw(answer);
    } catch (error) {
      if (running.signal.aborted) return;
      this.result.replaceChildren();
      setText(this.said, happened(error));
    }
    delete this.element.dataset.running;
  }

  private draw(answer: Answer): void {
    const number = (value: number): string => value.toLocaleString("en-US");
    setText(this.said, t("看了 {n} 个位置，用时 {s} 秒。", { n: number(answer.rows), s: (answer.took_ms / 1000).toFixed(1) }) + (answer.thinned ? t("整段在内的按每 5 分钟一个位置判断。") : ""));
    this.onSpots(answer.spots);
    const figure = (name: string, value: number): HTMLElement => h("div", { class: "figure-cell" }, h("strong", {}, number(value)), h("span", { class: "quiet" }, name));
    this.result.replaceChildren(
      h("div", { class: "figures", "data-alerts": answer.alerts }, figure(t("预警"), answer.alerts), figure(t("进入次数"), answer.entries), figure(t("涉及对象"), answer.visitors)),
      h("ul", {}, ...answer.rules.map(({ title, alerts, assets, fault }) => h("li", {}, fault === "" ? t("{title}：{n} 条，{m} 个对象", { title, n: number(alerts), m: number(assets) }) : t("{title}：不能预演（{fault}）", { title, fault })))),
      h("h3", {}, t("几点、星期几")),
      hours(answer.by_hour),
      h("h3", {}, t("哪些对象")),
      answer.assets.length === 0
        ? h("p", { class: "quiet" }, t("没有预警。"))
        : h("ol", { class: "told" }, ...answer.assets.map(({ kind, code, name, alerts }) => h("li", {}, `${kind} ${name} ${code}`, h("strong", {}, number(alerts))))),
      h("h3", {}, t("与现有区域重叠")),
      answer.overlaps.length === 0
        ? h("p", { class: "quiet" }, t("没有重叠。"))
        : h("ol", { class: "told" }, ...answer.overlaps.map(({ name, kind, share }) => h("li", {}, `${name} ${kind}`, h("strong", {}, `${(share * 100).toFixed(1)}%`)))),
    );
  }
}

/** How many in each hour of each day of the week, the more the darker. */
function hours(counts: number[][]): HTMLElement {
  const most = Math.max(1, ...counts.flat());
  const days = [t("一"), t("二"), t("三"), t("四"), t("五"), t("六"), t("日")];
  const head = h("tr", {}, h("th", {}), ...counts[0].map((_count, hour) => h("th", {}, hour % 6 === 0 ? String(hour) : "")));
  const rows = counts.map((row, day) =>
    h(
      "tr", {}, h("th", {}, days[day]),
      ...row.map((count, hour) => h("td", { "data-level": Math.ceil((count / most) * LEVELS), title: t("{day} {hour} 时：{n} 条", { day: days[day], hour, n: count }) })),
    ),
  );
  return h("table", { class: "hours" }, head, ...rows);
}
