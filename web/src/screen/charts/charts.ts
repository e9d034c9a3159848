import { h, setText } from "../../dom";
import type { Clock } from "../../time";
import { t } from "../../words";
import type { ScreenApi } from "../api";
import { happened } from "../happened";
import type { ChartInfo } from "./chart";
import type { Drawing } from "./draw";
import { Figure } from "./figure";

const EVERY_MS = 60_000;

/** The charts of the last 24 hours; nothing is read, and no drawing loaded, before they are opened. */
export class Charts {
  readonly element: HTMLElement;
  /** Called with the time (ms since 1970 UTC) that was chosen in a chart. */
  onMoment: (at: number) => void = () => undefined;
  private readonly row = h("div", { class: "charts" });
  private readonly problem = h("p", { class: "charts-problem quiet", role: "status", hidden: true });
  private readonly figures = new Map<string, Figure>();
  private draw: { Drawing: new (host: HTMLElement) => Drawing } | null = null;
  private urls: string[] | null = null;
  private district = "";
  /** The district shown; null: nothing was read yet. */
  private shown: string | null = null;
  private isOpen = false;
  private isReading = false;

  constructor(
    private readonly api: ScreenApi,
    private readonly clock: Clock,
  ) {
    this.element = h("div", { class: "charts-part" }, this.problem, this.row);
    setInterval(() => void this.read(), EVERY_MS);
    document.addEventListener("visibilitychange", () => void this.read());
    new ResizeObserver(() => {
      for (const figure of this.figures.values()) figure.redraw();
    }).observe(this.row);
  }

  open(isOpen: boolean): void {
    this.isOpen = isOpen;
    void this.read();
  }

  /** Shows one district (code) from now on; "": everything. */
  look(district: string): void {
    if (district === this.district) return;
    this.district = district;
    void this.read();
  }

  private async read(): Promise<void> {
    if (!this.isOpen || this.isReading || document.hidden) return;
    this.isReading = true;
    if (this.shown === null) {
      setText(this.problem, t("读取中…"));
      this.problem.hidden = false;
    }
    try {
      this.draw ??= await import("./draw");
      this.urls ??= (await this.api.charts()).map(({ url }) => url);
      let district: string;
      do {
        district = this.district;
        const charts = await Promise.all(this.urls.map((url) => this.api.chart(url, district)));
        if (district === this.district) this.show(this.urls, charts);
      } while (district !== this.district);
      this.problem.hidden = true;
    } catch (error) {
      // What is shown stays, each with its own time; charts of another district would deceive.
      if (this.shown !== this.district) this.row.replaceChildren();
      setText(this.problem, t("图表读取失败：{what}。将自动重试。", { what: happened(error) }));
      this.problem.hidden = false;
    } finally {
      this.isReading = false;
    }
  }

  private show(urls: readonly string[], charts: readonly ChartInfo[]): void {
    this.shown = this.district;
    charts.forEach((chart, i) => {
      let figure = this.figures.get(urls[i]);
      if (figure === undefined) {
        figure = new Figure(this.clock, (host) => this.make(host), (at) => this.onMoment(at));
        this.figures.set(urls[i], figure);
      }
      if (figure.element.parentNode !== this.row) this.row.append(figure.element);
      figure.show(chart);
    });
  }

  private make(host: HTMLElement): Drawing {
    if (this.draw === null) throw new Error("charts: drawn before the drawing was loaded");
    return new this.draw.Drawing(host);
  }
}
