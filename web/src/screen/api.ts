import { ApiError } from "../api";
import type { Answered, Where } from "./asking/questions";
import type { Alert, AlertWhole } from "./alerts";
import type { ChartInfo } from "./charts/chart";
import type { LayerInfo, PanelInfo, Statistics, TilesetInfo } from "./layerinfo";

/** Something a search found. */
export interface Found {
  type: "asset" | "area" | "row" | "region" | "organization" | "place" | "coordinates";
  id: number;
  layer: string | null;
  kind: string;
  title: string;
  subtitle: string;
  lon: number | null;
  lat: number | null;
}

export interface Person {
  id: number;
  name: string;
}

/** When a risk grid changed; milliseconds since 1970 UTC. */
export interface GridRun {
  at: number;
  until: number;
}

/** One cell of a risk grid, at the run of a moment. */
export interface GridCell {
  region: string;
  at: number;
  indices: { index: string; title: string; value: number | null; grade: number; grade_title: string }[];
  factors: { key: string; title: string; value: number | null; unit: string }[];
}

/** The server refused, and says why in the reader's language. */
export class RefusedError extends ApiError {
  override name = "RefusedError";

  constructor(
    status: number,
    readonly detail: string,
  ) {
    super(status);
  }
}

/** Addresses of what the screen asks for; all of the same origin. */
export interface ScreenUrls {
  layers: string;
  grids: string;
  ask: string;
  modules: string;
  search: string;
  statistics: string;
  alerts: string;
  charts: string;
  tilesets: string;
  walls: string;
  director: string;
  map: string;
  past: string;
}

/** What the screen asks of the server and tells it. */
export class ScreenApi {
  /** The moment that live things are counted at, ms since 1970 UTC; null: now. */
  moment: () => number | null = () => null;

  constructor(
    private readonly urls: ScreenUrls,
    private readonly csrf: string,
  ) {}

  layers(): Promise<LayerInfo[]> {
    return this.ask(this.urls.layers);
  }

  /**
   * Counts of layers (by id); those that cannot be read now are left out.
   *
   * @param district code; "": everywhere
   */
  async statistics(layers: readonly string[], district: string): Promise<Statistics[]> {
    if (layers.length === 0) return [];
    const moment = this.moment();
    const at = moment === null ? "" : `&at=${Math.round(moment)}`;
    const address = `${this.urls.statistics}?layers=${layers.join(",")}&district=${encodeURIComponent(district)}${at}`;
    return (await this.ask<{ layers: Statistics[] }>(address)).layers;
  }

  /** Where the charts of the last 24 hours are read. */
  charts(): Promise<{ url: string }[]> {
    return this.ask(this.urls.charts);
  }

  /** @param district code; "": everywhere */
  chart(url: string, district: string): Promise<ChartInfo> {
    return this.ask(`${url}?district=${encodeURIComponent(district)}`);
  }

  search(query: string, signal: AbortSignal): Promise<{ results: Found[]; more: boolean }> {
    return this.ask(`${this.urls.search}?q=${encodeURIComponent(query)}`, { signal });
  }

  /** Panels that modules declare. */
  async panels(): Promise<PanelInfo[]> {
    return (await this.ask<{ panels: PanelInfo[] }[]>(this.urls.modules)).flatMap(({ panels }) => panels);
  }

  /** What a layer's card says of a thing from the module's register, by card field. */
  registered(layer: string, thing: number): Promise<Record<string, unknown>> {
    return this.ask(`${this.urls.layers}/${layer}/things/${thing}`);
  }

  /** Alerts about a thing, whatever became of them, the newest first. */
  async alertsOf(thing: number, most: number): Promise<Alert[]> {
    return (await this.ask<{ alerts: Alert[] }>(`${this.urls.alerts}?state=all&asset=${thing}&limit=${most}`)).alerts;
  }

  alert(id: number): Promise<AlertWhole> {
    return this.ask(`${this.urls.alerts}/${id}`);
  }

  assignees(id: number): Promise<{ users: Person[] }> {
    return this.ask(`${this.urls.alerts}/${id}/assignees`);
  }

  act(id: number, action: string, said: { text?: string; assign_to?: number }): Promise<AlertWhole> {
    return this.send(`${this.urls.alerts}/${id}/${action}`, said);
  }

  /** Saves what is on a wall as a scene. */
  keepScene(wall: number, name: string): Promise<unknown> {
    return this.send(`${this.urls.walls}/${wall}/scene`, { name });
  }

  /** When a risk grid changed, the newest first. */
  gridRuns(grid: string): Promise<GridRun[]> {
    return this.ask(`${this.urls.grids}/${grid}/runs`);
  }

  /** Address of a grid's tiles as of a moment, ms since 1970 UTC, with places for zoom, column and row. */
  gridTiles(grid: string, index: string, at: number): string {
    const folder = new URL(`${this.urls.grids}/${grid}/tiles/${index}`, window.location.href);
    return `${folder.href}/{z}/{x}/{y}.png?at=${at + 1}`;
  }

  /** The cell of a grid at a place, degrees. */
  gridCell(grid: string, lon: number, lat: number): Promise<GridCell> {
    const moment = this.moment();
    return this.ask(`${this.urls.grids}/${grid}/cell?lon=${lon}&lat=${lat}${moment === null ? "" : `&at=${Math.round(moment)}`}`);
  }

  /** What layers (by id) have somewhere. */
  question(where: Where, layers: readonly string[]): Promise<Answered> {
    return this.send(this.urls.ask, { where, layers });
  }

  /** The same as a file, which the browser keeps. */
  async questionFile(where: Where, layers: readonly string[], kind: "xlsx" | "geojson"): Promise<void> {
    const answer = await this.fetch(`${this.urls.ask}/file.${kind}`, this.posted({ where, layers }));
    const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? `sandtable.${kind}`;
    const address = URL.createObjectURL(await answer.blob());
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    URL.revokeObjectURL(address);
  }

  async tilesets(): Promise<TilesetInfo[]> {
    return (await this.ask<{ tilesets: TilesetInfo[] }>(this.urls.tilesets)).tilesets;
  }

  private send<T>(address: string, body: object): Promise<T> {
    return this.ask(address, this.posted(body));
  }

  private posted(body: object): RequestInit {
    return {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": this.csrf },
      body: JSON.stringify(body),
    };
  }

  private async ask<T>(address: string, init: RequestInit = {}): Promise<T> {
    return (await (await this.fetch(address, init)).json()) as T;
  }

  private async fetch(address: string, init: RequestInit): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(address, { headers: { Accept: "application/json" }, ...init });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError(0, error);
    }
    if (answer.ok) return answer;
    const said = (await answer.json().catch(() => null)) as { detail?: unknown } | null;
    if (typeof said?.detail === "string") throw new RefusedError(answer.status, said.detail);
    throw new ApiError(answer.status);
  }
}
