import { ApiError } from "../../api";
import { type AssetColumns, readAssets } from "../../live/frames";
import type { Alert } from "../alerts";
import { RefusedError } from "../api";
import type { Source } from "./player";
import type { Chunk } from "./rows";

/** What is kept, as far as this user may look at it. */
export interface Kept {
  /** Milliseconds since 1970 UTC; null: nothing is kept. */
  oldest: number | null;
  newest: number | null;
}

/** Around a moment: since when (null: ever) and until when no area changed, ms since 1970 UTC. */
export interface AreaSpan {
  since: number | null;
  until: number;
}

/** Reads the past over HTTP (`docs/protocols/past.md`). */
export class PastSource implements Source {
  /** Code of the district that is looked into; "": everywhere. */
  district = "";

  /**
   * @param past address of the time machine
   * @param alertsUrl address of the alerts
   */
  constructor(
    private readonly past: string,
    private readonly alertsUrl: string,
  ) {}

  async kept(signal: AbortSignal): Promise<Kept> {
    return (await this.ask(this.past, {}, signal)).json() as Promise<Kept>;
  }

  async state(at: number, signal: AbortSignal): Promise<AssetColumns> {
    const answer = await this.ask(`${this.past}/state`, { at, district: this.district }, signal);
    return readAssets(await answer.arrayBuffer());
  }

  async rows(from: number, to: number, cell_s: number, signal: AbortSignal): Promise<Chunk> {
    const answer = await this.ask(`${this.past}/rows`, { from, to, cell: cell_s, district: this.district }, signal);
    const columns = readAssets(await answer.arrayBuffer());
    return { from, to, columns, cell_s: Number(answer.headers.get("Sandtable-Cell-S") ?? 0) };
  }

  /** The alerts that were not closed at a moment, as they were. */
  async alerts(at: number, signal: AbortSignal): Promise<Alert[]> {
    const answer = await this.ask(this.alertsUrl, { at, limit: 500 }, signal);
    return ((await answer.json()) as { alerts: Alert[] }).alerts;
  }

  async areaSpan(at: number, signal: AbortSignal): Promise<AreaSpan> {
    return (await this.ask(`${this.past}/areas/span`, { at }, signal)).json() as Promise<AreaSpan>;
  }

  private async ask(address: string, values: Record<string, string | number>, signal: AbortSignal): Promise<Response> {
    const given = Object.entries(values).filter(([, value]) => value !== "");
    const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
    let answer: Response;
    try {
      answer = await fetch(`${address}?${query}`, { signal });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new ApiError(0, error);
    }
    if (answer.ok) return answer;
    const said = (await answer.json().catch(() => null)) as { detail?: unknown } | null;
    if (typeof said?.detail === "string" && answer.status !== 401) throw new RefusedError(answer.status, said.detail);
    throw new ApiError(answer.status);
  }
}
