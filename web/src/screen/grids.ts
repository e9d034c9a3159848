import type { RasterTileSource } from "maplibre-gl";
import type { MapCanvas } from "../map/canvas";
import { h } from "../dom";
import type { Clock } from "../time";
import { t } from "../words";
import type { GridCell, GridRun, ScreenApi } from "./api";
import { RefusedError } from "./api";
import type { LayerInfo } from "./layerinfo";

/** New runs are asked for this often. */
const RUNS_MS = 60_000;

export type GridLayer = LayerInfo & { source: Extract<LayerInfo["source"], { type: "grid" }> };

export function isGrid(layer: LayerInfo): layer is GridLayer {
  return layer.source.type === "grid";
}

/** The newest of the runs (newest first) that there was at a moment (ms since 1970 UTC; null: now). */
export function runAt(runs: readonly GridRun[], moment: number | null): GridRun | null {
  return runs.find(({ at }) => moment === null || at <= moment) ?? null;
}

/** Keeps the risk grids on the map those of the moment it shows, now or in the past. */
export class Grids {
  private readonly runs = new Map<string, GridRun[]>();
  private readonly drawn = new Map<string, number | null>();
  private readonly readAt = new Map<string, number>();

  constructor(
    private readonly api: ScreenApi,
    private readonly clock: Clock,
  ) {}

  /** Brings the layers that are switched on in step with the moment shown; called every now and then. */
  follow(canvas: MapCanvas | null, shown: readonly GridLayer[]): void {
    if (canvas === null) return;
    for (const layer of shown) {
      const { grid } = layer.source;
      if (performance.now() - (this.readAt.get(grid) ?? -Infinity) >= RUNS_MS) {
        this.readAt.set(grid, performance.now());
        void this.read(grid).then(() => this.draw(canvas, layer));
      }
      this.draw(canvas, layer);
    }
  }

  /** What a grid says of a place, as a card; null where it says nothing. */
  async card(layer: GridLayer, lon: number, lat: number): Promise<HTMLElement | null> {
    try {
      return this.describe(layer, await this.api.gridCell(layer.source.grid, lon, lat));
    } catch (error) {
      if (error instanceof RefusedError && error.status === 404) return null;
      throw error;
    }
  }

  private async read(grid: string): Promise<void> {
    try {
      this.runs.set(grid, await this.api.gridRuns(grid));
    } catch {
      this.readAt.delete(grid); // what is shown stays; the next round asks again
    }
  }

  private draw(canvas: MapCanvas, layer: GridLayer): void {
    const runs = this.runs.get(layer.source.grid);
    if (runs === undefined) return;
    const at = runAt(runs, this.api.moment())?.at ?? null;
    if (this.drawn.get(layer.id) === at) return;
    this.drawn.set(layer.id, at);
    const { grid, index } = layer.source;
    const source = canvas.map.getSource<RasterTileSource>(layer.id);
    source?.setTiles(at === null ? [] : [this.api.gridTiles(grid, index, at)]);
  }

  private describe(layer: GridLayer, cell: GridCell): HTMLElement {
    const number = (value: number | null, unit = ""): string =>
      value === null ? "—" : `${value.toLocaleString("en-US", { maximumFractionDigits: 2 })}${unit ? ` ${unit}` : ""}`;
    const own = cell.indices.find(({ index }) => index === layer.source.index);
    return h(
      "div",
      { class: "grid-card" },
      h("strong", {}, layer.title),
      h("span", { class: "quiet" }, [cell.region, t("{time} 计算", { time: this.clock.time(cell.at) })].filter(Boolean).join(" · ")),
      own === undefined ? null : h("p", { class: "grid-grade", "data-grade": String(own.grade) }, `${own.grade_title} ${number(own.value)}`),
      h(
        "dl",
        { class: "feature" },
        ...cell.indices.flatMap(({ title, value, grade_title }) => [h("dt", {}, title), h("dd", {}, value === null ? "—" : `${number(value)} · ${grade_title}`)]),
        ...cell.factors.flatMap(({ title, value, unit }) => [h("dt", {}, title), h("dd", {}, number(value, unit))]),
      ),
    );
  }
}
