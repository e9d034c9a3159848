/** The drawing of charts: ECharts, of which only what is used is loaded, and only once charts are looked at. */
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";
import type { ChartOption } from "./options";

use([BarChart, LineChart, GridComponent, LabelLayout, CanvasRenderer]);

/** One chart on the page. */
export class Drawing {
  private readonly chart: EChartsType;

  constructor(private readonly host: HTMLElement) {
    this.chart = init(host, null, { renderer: "canvas" });
  }

  draw(option: ChartOption): void {
    this.chart.resize({ width: this.host.clientWidth, height: this.host.clientHeight });
    this.chart.setOption(option, { notMerge: true });
  }

  /** Time (ms) at a distance from the host's left edge, CSS pixels. */
  timeAt(x: number): number {
    return this.chart.convertFromPixel({ xAxisIndex: 0 }, x);
  }

  /** Distance of a time (ms) from the host's left edge, CSS pixels. */
  placeOf(at: number): number {
    return this.chart.convertToPixel({ xAxisIndex: 0 }, at);
  }
}
