import type { BarSeriesOption, LineSeriesOption } from "echarts/charts";
import type { ComposeOption } from "echarts/core";
import type { GridComponentOption } from "echarts/components";
import type { Tokens } from "../../tokens";
import { type ChartInfo, hourTicks, withGaps } from "./chart";
import { colourOf, dash, markOf, signOf } from "./look";

export type ChartOption = ComposeOption<BarSeriesOption | LineSeriesOption | GridComponentOption>;

/** How a chart is to look; sizes in CSS pixels. */
export interface Look {
  tokens: Tokens;
  font: string;
  fontSize: number;
  /** Width of the room it has. */
  width: number;
  /** `14:03` in the city's time. */
  clockText: (ms: number) => string;
}

/** Signs on a line of grades. */
const MARKS = 5;
/** So few points that no line is seen. */
const FEW = 13;
const HOURS = [1, 2, 3, 4, 6, 12, 24];

/** What ECharts is told of a chart, its right edge at `end` (ms). */
export function optionOf(chart: ChartInfo, start: number, end: number, look: Look): ChartOption {
  const { tokens, font, fontSize } = look;
  const most = Math.max(1, ...sums(chart));
  const text = { color: tokens.quiet, fontFamily: font, fontSize };
  const left = Math.ceil(fontSize * (0.62 * thousands(most).length + 0.9));
  // As many hours as find room beside each other.
  const room = (look.width - left) / (fontSize * 4);
  const step = HOURS.find((hours) => 24 / hours <= room) ?? 24;
  const ticks = hourTicks(start, end, step, look.clockText);
  return {
    animation: false,
    textStyle: { fontFamily: font, fontSize },
    grid: { left, right: fontSize * 1.4, top: fontSize * 0.8, bottom: fontSize * 1.7, outerBoundsMode: "none" },
    xAxis: {
      type: "value",
      min: start,
      max: end,
      axisLine: { lineStyle: { color: tokens.line } },
      axisTick: { show: true, customValues: ticks, lineStyle: { color: tokens.line } },
      axisLabel: { ...text, customValues: ticks, formatter: (at: number) => look.clockText(at), hideOverlap: true },
      splitLine: { show: false },
    },
    yAxis: {
      type: "value",
      min: 0,
      minInterval: 1,
      splitNumber: 3,
      axisLabel: { ...text, formatter: thousands },
      splitLine: { lineStyle: { color: tokens.line } },
    },
    series: chart.form === "bars" ? bars(chart, look, start, end) : lines(chart, look),
  };
}

const thousands = (count: number): string => count.toLocaleString("en-US");

/** What has to find room under the upper edge; grades stand on each other. */
function sums({ form, series, moments }: ChartInfo): number[] {
  if (form === "lines") return series.flatMap(({ values }) => values);
  return moments.map((_moment, i) => series.reduce((sum, { values }) => sum + values[i], 0));
}

function lines(chart: ChartInfo, { tokens, fontSize }: Look): LineSeriesOption[] {
  const width = fontSize / 7;
  return chart.series.map(({ key, title, colour, values }, i) => {
    const color = colourOf(colour, tokens);
    const points = withGaps(chart.moments, values, chart.every_s);
    const line: LineSeriesOption = {
      type: "line",
      id: key,
      name: title,
      data: points,
      symbol: "circle",
      showSymbol: true,
      showAllSymbol: true,
      // A moment with nothing known on both sides is a point, not nothing; so are the few of a first hour.
      symbolSize: (_value, { dataIndex }) => (points.length < FEW || isAlone(points, dataIndex) ? width * 2.5 : 0),
      connectNulls: false,
      lineStyle: { color, width, type: i === 0 ? "solid" : dash(i, width) },
      itemStyle: { color },
      areaStyle: chart.series.length === 1 ? { color, opacity: 0.12 } : undefined,
      silent: true,
    };
    return chart.form === "steps" ? { ...line, ...stacked(key, color, values, fontSize) } : line;
  });
}

/** Whether nothing is known before and after the i-th point. */
export function isAlone(points: readonly (readonly [number, number | null])[], i: number): boolean {
  return (points[i - 1]?.[1] ?? null) === null && (points[i + 1]?.[1] ?? null) === null;
}

/** Grades stand on each other; each carries its sign now and then. */
function stacked(key: string, color: string, values: readonly number[], fontSize: number): LineSeriesOption {
  const every = Math.max(1, Math.ceil(values.length / MARKS));
  return {
    step: "end",
    stack: "all",
    lineStyle: { color, width: fontSize / 9 },
    areaStyle: { color, opacity: 0.4 },
    symbol: markOf(key),
    showSymbol: true,
    showAllSymbol: true,
    symbolSize: (_value, { dataIndex }) =>
      (dataIndex + Number(key) * 2) % every === 0 && values[dataIndex] > 0 ? fontSize * 0.62 : 0,
  };
}

function bars(chart: ChartInfo, { tokens, fontSize, width }: Look, start: number, end: number): BarSeriesOption[] {
  const room = (width * chart.every_s * 1000) / (end - start);
  return chart.series.map(({ key, title, colour, values }) => ({
    type: "bar",
    id: key,
    name: title,
    stack: "all",
    barWidth: Math.max(2, room * 0.72),
    // A bar stands in the middle of its hour.
    data: chart.moments.map((moment, i) => [moment + chart.every_s * 500, values[i]]),
    itemStyle: { color: colourOf(colour, tokens), borderColor: tokens.raised, borderWidth: 1 },
    label: {
      show: room * 0.72 >= fontSize * 0.8,
      formatter: ({ value }) => ((value as [number, number])[1] > 0 ? signOf(key) : ""),
      color: tokens.ground,
      fontSize: Math.min(fontSize, room * 0.62),
    },
    labelLayout: ({ rect, labelRect }) => (rect.height < labelRect.height * 0.8 ? { fontSize: 0.01 } : {}),
    silent: true,
  }));
}
