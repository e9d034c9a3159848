import { h, setText } from "../dom";
import { happened } from "../screen/happened";
import { t } from "../words";
import type { Period, PeriodsAnswer, PlanApi } from "./api";

const HALVES = 48;

/** When an area is in force: lines of text, ready-made ones to add, and the next fortnight as a picture. */
export class Periods {
  readonly element: HTMLElement;
  private readonly text = h("textarea", { rows: 4, name: "periods", placeholder: t("没有时段则始终有效"), onchange: () => void this.read() });
  private readonly said = h("p", { class: "said", role: "status" });
  private readonly preview = h("div", { class: "fortnight", role: "img" });
  private readonly quick: HTMLButtonElement[];
  private shown = "";

  constructor(
    private readonly api: PlanApi,
    private readonly onPeriods: (periods: Period[], text: string) => void,
  ) {
    const lines = [
      t("每天 08:00-18:00"), t("每周一至五 07:30-19:00"), t("工作日 08:00-18:00"), t("休息日"), t("法定节假日"), t("调休上班日"), t("夜间"),
    ];
    this.quick = lines.map((line) => h("button", { type: "button", class: "chip", onclick: () => this.add(line) }, line));
    const today = new Date().getFullYear();
    this.quick.push(h("button", { type: "button", class: "chip", onclick: () => this.add(t("{from} 至 {to}", { from: `${today}-10-01`, to: `${today}-10-07` })) }, t("起止日期")));
    this.element = h(
      "div",
      { class: "pane-body" },
      h("p", { class: "quiet" }, t("每行一个时段，满足任一个即有效。结束早于开始的跨过午夜。")),
      h("div", { class: "chips" }, ...this.quick),
      h("label", { class: "field" }, t("时段"), this.text),
      this.said,
      h("h3", {}, t("今后两周")),
      this.preview,
    );
  }

  show(periods: Period[], canChange: boolean): void {
    this.text.disabled = !canChange;
    for (const button of this.quick) button.disabled = !canChange;
    const key = JSON.stringify(periods);
    if (key === this.shown) return;
    this.shown = key;
    void this.ask({ values: periods });
  }

  private add(line: string): void {
    this.text.value = [this.text.value.trim(), line].filter((text) => text !== "").join("\n");
    void this.read();
  }

  private async read(): Promise<void> {
    const answer = await this.ask({ text: this.text.value });
    if (answer === null) return;
    this.shown = JSON.stringify(answer.values);
    this.onPeriods(answer.values, answer.text);
  }

  private async ask(asked: { text: string } | { values: Period[] }): Promise<PeriodsAnswer | null> {
    try {
      const answer = await this.api.periods(asked);
      this.text.value = answer.text;
      setText(this.said, "");
      this.draw(answer);
      return answer;
    } catch (error) {
      setText(this.said, happened(error));
      return null;
    }
  }

  private draw({ preview }: PeriodsAnswer): void {
    const hours = preview.reduce((sum, { halves }) => sum + halves.split("1").length - 1, 0) / 2;
    this.preview.setAttribute("aria-label", t("今后两周内有效 {n} 小时", { n: hours }));
    const head = h("div", { class: "day head" }, h("span", {}, ""), ...[0, 6, 12, 18].map((hour) => h("span", { class: "hour" }, String(hour))));
    const rows = preview.map(({ date, halves }) => {
      const day = new Date(`${date}T00:00:00Z`).getUTCDay();
      const name = `${date.slice(5)} ${[t("日"), t("一"), t("二"), t("三"), t("四"), t("五"), t("六")][day]}`;
      const cells = [...halves].map((held) => h("i", { class: held === "1" ? "on" : "" }));
      return h("div", { class: "day" }, h("span", {}, name), ...cells.slice(0, HALVES));
    });
    this.preview.replaceChildren(head, ...rows);
  }
}
