import { ApiError } from "../api";
import type { AlertWhole } from "./alerts";
import type { LayerInfo, Statistics, TilesetInfo } from "./layerinfo";

/** Something a search found. */
export interface Found {
  type: "asset" | "area" | "row";
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
  search: string;
  alerts: string;
  tilesets: string;
  map: string;
}

/** What the screen asks of the server and tells it. */
export class ScreenApi {
  constructor(
    private readonly urls: ScreenUrls,
    private readonly csrf: string,
  ) {}

  layers(): Promise<LayerInfo[]> {
    return this.ask(this.urls.layers);
  }

  /** @param district code; "": everywhere */
  statistics(layer: string, district: string): Promise<Statistics> {
    return this.ask(`${this.urls.layers}/${layer}/statistics?district=${encodeURIComponent(district)}`);
  }

  search(query: string, signal: AbortSignal): Promise<{ results: Found[]; more: boolean }> {
    return this.ask(`${this.urls.search}?q=${encodeURIComponent(query)}`, { signal });
  }

  alert(id: number): Promise<AlertWhole> {
    return this.ask(`${this.urls.alerts}/${id}`);
  }

  assignees(id: number): Promise<{ users: Person[] }> {
    return this.ask(`${this.urls.alerts}/${id}/assignees`);
  }

  act(id: number, action: string, said: { text?: string; assign_to?: number }): Promise<AlertWhole> {
    return this.ask(`${this.urls.alerts}/${id}/${action}`, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": this.csrf },
      body: JSON.stringify(said),
    });
  }

  async tilesets(): Promise<TilesetInfo[]> {
    return (await this.ask<{ tilesets: TilesetInfo[] }>(this.urls.tilesets)).tilesets;
  }

  private async ask<T>(address: string, init: RequestInit = {}): Promise<T> {
    let answer: Response;
    try {
      answer = await fetch(address, { headers: { Accept: "application/json" }, ...init });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError(0, error);
    }
    if (answer.ok) return (await answer.json()) as T;
    const said = (await answer.json().catch(() => null)) as { detail?: unknown } | null;
    if (typeof said?.detail === "string") throw new RefusedError(answer.status, said.detail);
    throw new ApiError(answer.status);
  }
}
