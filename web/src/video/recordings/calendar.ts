import { h } from "../../dom";
import { t } from "../../words";

/** A month, days with recordings marked; a click opens the day. */
export class Calendar {
  readonly element = h("section", { class: "calendar", "aria-label": t("录像日历") });
  private year: number;
  /** 1 to 12. */
  private month: number;
  private chosen = "";
  private readonly names: string[];

  /** @param today `2026-11-21`
   * @param read days of a month (`2026-11`) with recordings, and their seconds */
  constructor(
    today: string,
    private readonly read: (month: string) => Promise<{ day: string; seconds: number }[]>,
    private readonly onDay: (day: string) => void,
    language: string,
  ) {
    const format = new Intl.DateTimeFormat(language === "zh-hans" ? "zh-CN" : language, { weekday: "narrow", timeZone: "UTC" });
    this.names = Array.from({ length: 7 }, (_, i) => format.format(Date.UTC(2026, 10, 2 + i))); // from a Monday on
    [this.year, this.month] = today.split("-").map(Number);
  }

  /** Shows the month of a day, and which day it is. */
  choose(day: string): void {
    if (day === this.chosen) return;
    this.chosen = day;
    [this.year, this.month] = day.split("-").map(Number);
    void this.show();
  }

  async show(): Promise<void> {
    const name = `${this.year}-${String(this.month).padStart(2, "0")}`;
    this.draw(name, new Map());
    const days = await this.read(name).catch(() => []);
    this.draw(name, new Map(days.map(({ day, seconds }) => [day, seconds])));
  }

  private turn(by: number): void {
    const months = this.year * 12 + this.month - 1 + by;
    this.year = Math.floor(months / 12);
    this.month = (months % 12) + 1;
    void this.show();
  }

  private draw(name: string, seconds: Map<string, number>): void {
    const first = new Date(Date.UTC(this.year, this.month - 1, 1));
    const count = new Date(Date.UTC(this.year, this.month, 0)).getUTCDate();
    const days = Array.from({ length: count }, (_, i) => {
      const day = `${name}-${String(i + 1).padStart(2, "0")}`;
      const recorded = seconds.get(day) ?? 0;
      return h(
        "button",
        {
          type: "button", class: recorded > 0 ? "day recorded" : "day", "aria-pressed": String(day === this.chosen),
          title: recorded > 0 ? t("录像 {n} 小时", { n: (recorded / 3600).toFixed(1) }) : t("没有录像"),
          onclick: () => this.onDay(day),
        },
        String(i + 1),
      );
    });
    days[0].classList.add(`from-${((first.getUTCDay() + 6) % 7) + 1}`);
    this.element.replaceChildren(
      h(
        "div",
        { class: "calendar-head" },
        h("button", { type: "button", "aria-label": t("上个月"), onclick: () => this.turn(-1) }, "‹"),
        h("strong", {}, name),
        h("button", { type: "button", "aria-label": t("下个月"), onclick: () => this.turn(1) }, "›"),
      ),
      h("div", { class: "calendar-days" }, ...this.names.map((name) => h("span", { class: "quiet" }, name)), ...days),
    );
  }
}
