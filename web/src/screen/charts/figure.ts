import { h, setText } from "../../dom";
import type { Clock } from "../../time";
import { readTokens } from "../../tokens";
import { t } from "../../words";
import { type ChartInfo, DAY_MS, hasStopped, momentAt, standing } from "./chart";
import type { Drawing } from "./draw";
import { colourOf, signOf, strokePicture } from "./look";
import { optionOf } from "./options";

/** One chart: its title, its figures by name, the drawing, and where the figures come from. */
export class Figure {
  readonly element: HTMLElement;
  private readonly title = h("h3", {});
  private readonly at = h("span", { class: "chart-at quiet" });
  private readonly names = h("ul", { class: "chart-names" });
  private readonly host = h("div", { class: "chart-canvas", tabindex: 0, role: "img" });
  private readonly cursor = h("div", { class: "chart-cursor", hidden: true });
  private readonly none = h("p", { class: "chart-none quiet", hidden: true });
  private readonly source = h("p", { class: "chart-source quiet" });
  private readonly counts: HTMLElement[] = [];
  private chart: ChartInfo | null = null;
  private drawing: Drawing | null = null;
  private pointed: number | null = null;

  /**
   * @param make makes the drawing in an element that stands on the page
   * @param onMoment called with the time (ms) that was clicked
   */
  constructor(
    private readonly clock: Clock,
    private readonly make: (host: HTMLElement) => Drawing,
    private readonly onMoment: (at: number) => void,
  ) {
    const plot = h("div", { class: "chart-plot" }, this.host, this.cursor, this.none);
    this.element = h(
      "figure",
      { class: "chart" },
      h("figcaption", {}, this.title, this.at),
      this.names, plot, this.source,
    );
    this.host.addEventListener("pointermove", (event) => this.point(this.timeAt(event)));
    this.host.addEventListener("pointerleave", () => this.point(null));
    this.host.addEventListener("blur", () => this.point(null));
    this.host.addEventListener("click", (event) => this.choose(this.timeAt(event)));
    this.host.addEventListener("keydown", (event) => this.key(event));
  }

  show(chart: ChartInfo): void {
    this.chart = chart;
    this.element.dataset.chart = chart.id;
    this.host.setAttribute("aria-label", chart.title);
    setText(this.title, chart.title);
    const isEmpty = chart.moments.length === 0;
    this.none.hidden = !isEmpty;
    this.host.hidden = this.names.hidden = isEmpty;
    const { as_of, next_at } = chart;
    const next = next_at !== null && next_at > this.clock.now() ? t("下一次约 {time}", { time: this.clock.minute(next_at) }) : "";
    setText(this.none, [chart.empty, next].filter(Boolean).join(" "));
    const isStopped = hasStopped(chart, this.clock.now());
    const until = as_of === null ? "" : isStopped
      ? t("▲ {time} 起没有新的统计", { time: this.clock.dayAndMinute(as_of) })
      : t("截至 {time}", { time: this.clock.minute(as_of) });
    setText(this.source, [until, chart.source].filter(Boolean).join(" · "));
    this.source.classList.toggle("stopped", isStopped);
    if (isEmpty) {
      this.point(null);
      return;
    }
    this.name(chart);
    this.redraw();
    this.point(this.pointed);
  }

  /** Draws again: time has passed, or there is more room. */
  redraw(): void {
    const { chart } = this;
    if (chart === null || chart.moments.length === 0 || this.host.clientWidth === 0) return;
    this.drawing ??= this.make(this.host);
    const style = getComputedStyle(this.host);
    const [start, end] = this.span(chart);
    const look = {
      tokens: readTokens(document.documentElement),
      font: style.fontFamily,
      fontSize: Number.parseFloat(style.fontSize),
      width: this.host.clientWidth,
      clockText: (at: number) => this.clock.minute(at),
    };
    this.drawing.draw(optionOf(chart, start, end, look));
  }

  /** A day that ends now; of bars, with the present hour whole. */
  private span({ form, moments, every_s }: ChartInfo): [number, number] {
    if (form === "bars") return [moments[0], moments[moments.length - 1] + every_s * 1000];
    const end = this.clock.now();
    return [end - DAY_MS, end];
  }

  private name(chart: ChartInfo): void {
    const tokens = readTokens(document.documentElement);
    const size = Number.parseFloat(getComputedStyle(this.names).fontSize);
    this.counts.length = 0;
    const rows = chart.series.map(({ key, title, colour }, i) => {
      const ink = colourOf(colour, tokens);
      const count = h("strong", {});
      const sign = h("span", { class: "chart-sign", "aria-hidden": "true" }, signOf(key));
      sign.style.color = ink;
      this.counts.push(count);
      return h(
        "li",
        { "data-series": key },
        signOf(key) ? sign : strokePicture(i, ink, size / 6),
        h("span", {}, title), count, h("span", { class: "quiet" }, chart.unit),
      );
    });
    this.names.replaceChildren(...rows);
  }

  private timeAt(event: MouseEvent): number | null {
    if (this.drawing === null) return null;
    return this.drawing.timeAt(event.clientX - this.host.getBoundingClientRect().left);
  }

  /** Tells the figures of a time; null: the standing ones. */
  private point(at: number | null): void {
    const { chart, drawing } = this;
    if (chart === null) return;
    this.pointed = at;
    const i = at === null ? null : momentAt(chart, at);
    const shown = at === null ? standing(chart) : chart.series.map(({ values }) => (i === null ? null : values[i]));
    this.counts.forEach((count, k) => setText(count, shown[k]?.toLocaleString("en-US") ?? "—"));
    setText(this.at, this.momentText(chart, at, i));
    this.cursor.hidden = at === null || drawing === null;
    if (at === null || drawing === null) return;
    const middle = i === null ? at : chart.moments[i] + (chart.form === "bars" ? chart.every_s * 500 : 0);
    this.cursor.style.transform = `translateX(${drawing.placeOf(middle)}px)`;
  }

  private momentText(chart: ChartInfo, at: number | null, i: number | null): string {
    const { clock } = this;
    if (at === null) return chart.form === "bars" && chart.moments.length > 0 ? t("24 小时合计") : "";
    if (i === null) return t("{time} 没有统计", { time: clock.minute(at) });
    const moment = chart.moments[i];
    if (chart.form !== "bars") return clock.dayAndMinute(moment);
    return `${clock.dayAndMinute(moment)}–${clock.minute(moment + chart.every_s * 1000)}`;
  }

  private choose(at: number | null): void {
    const { chart } = this;
    if (chart === null || at === null) return;
    const i = momentAt(chart, at);
    this.onMoment(i === null ? at : chart.moments[i]);
  }

  /** Arrow keys walk from moment to moment, Enter hands it over. */
  private key(event: KeyboardEvent): void {
    const { chart } = this;
    if (chart === null || chart.moments.length === 0) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const last = chart.moments.length - 1;
    const here = this.pointed === null ? null : momentAt(chart, this.pointed);
    if (step !== undefined) {
      const next = here === null ? last : Math.min(last, Math.max(0, here + step));
      this.point(chart.moments[next]);
    } else if (event.key === "Enter" && this.pointed !== null) {
      this.choose(this.pointed);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
