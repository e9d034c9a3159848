import { h, setText } from "../../dom";
import type { Clock } from "../../time";
import { t } from "../../words";

/** Says, so that nobody can miss it, that the map does not show the present; and what the present has to say meanwhile. */
export class Flag {
  /** Hangs from the top line, over everything on the map. */
  readonly element: HTMLElement;
  private readonly time = h("strong", { class: "past-flag-time" });
  private readonly date = h("span", { class: "past-flag-date" });
  private readonly news: HTMLElement;
  private count = 0;

  /** @param onPresent called when the present is asked for */
  constructor(
    private readonly clock: Clock,
    onPresent: () => void,
  ) {
    this.news = h("button", { type: "button", class: "past-news", hidden: true, onclick: onPresent });
    this.element = h(
      "div",
      { class: "past-flag", hidden: true },
      h("span", { class: "past-flag-word" }, h("span", { "aria-hidden": "true" }, "◀◀ "), t("回放")),
      this.time,
      this.date,
      this.news,
    );
  }

  /** @param moment ms since 1970 UTC; null: the present */
  show(moment: number | null): void {
    const isPast = moment !== null;
    document.documentElement.toggleAttribute("data-past", isPast);
    this.element.hidden = !isPast;
    if (!isPast) {
      this.count = 0;
      this.news.hidden = true;
      return;
    }
    setText(this.time, this.clock.time(moment));
    setText(this.date, this.clock.date(moment));
  }

  /** A new alert has come in the present. */
  alert(): void {
    this.count++;
    this.news.hidden = false;
    setText(this.news, t("▲ 有新的预警 {n} · 回到实时", { n: this.count }));
  }
}
