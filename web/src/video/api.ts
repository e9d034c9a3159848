import { ApiError } from "../api";
import { askServer } from "../ask";
import { RefusedError } from "../screen/api";

/** A picture that can be watched. */
export interface Camera {
  id: number;
  name: string;
  code: string;
  online: boolean;
  address: string;
  device: string;
  owner: string;
  asset: number | null;
  lon: number | null;
  lat: number | null;
  heading_deg: number | null;
  /** Whether the user may move it. */
  steerable: boolean;
}

/** How a viewing is; all but `ended` missing where it has ended. */
export interface ViewingState {
  ended: string;
  state?: "opening" | "running" | "waiting" | "closed";
  why?: string;
  codec?: string;
  transcoded?: boolean;
  fps?: number;
  kilobits?: number;
  damaged?: number;
}

export interface Control {
  mine: boolean;
  name: string;
}

const CAMERAS_NEAR_M = 2000;

/** What the platform is asked about cameras. */
export class VideoApi {
  constructor(
    private readonly base: string,
    private readonly csrf: string,
  ) {}

  /** @param asset only those of this thing on the map */
  async cameras(asset: number | null = null, signal?: AbortSignal): Promise<Camera[]> {
    const query = asset === null ? "" : `?asset=${asset}`;
    const answer = await askServer<{ channels: Camera[] }>(this.csrf, "GET", `${this.base}/channels${query}`, undefined, signal);
    return answer.channels;
  }

  /** Cameras nearest to a place, degrees; at most `most`, within two kilometres. */
  async near(lon: number, lat: number, most: number): Promise<Camera[]> {
    const where = { type: "nearest", lon, lat, k: most, radius_m: CAMERAS_NEAR_M };
    const asked = { where, layers: ["video.cameras"] };
    const answer = await askServer<{ layers: { rows: { id: number }[] }[] }>(this.csrf, "POST", "/api/v1/ask", asked);
    const ids = answer.layers.flatMap(({ rows }) => rows.map(({ id }) => id));
    return (await Promise.all(ids.map((id) => this.cameras(id)))).flat();
  }

  /**
   * Begins to watch (WHEP).
   *
   * @returns the answer, and the viewing's address
   * @throws RefusedError the server says why not
   * @throws ApiError it did not answer (status 0), or not in words
   */
  async watch(camera: number, offer: string, signal: AbortSignal): Promise<{ answer: string; address: string }> {
    let answer: Response;
    try {
      const headers = { "Content-Type": "application/sdp", Accept: "application/sdp, application/json", "X-CSRFToken": this.csrf };
      answer = await fetch(`${this.base}/channels/${camera}/whep`, { method: "POST", headers, body: offer, signal });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new ApiError(0, error);
    }
    if (answer.status === 201) return { answer: await answer.text(), address: answer.headers.get("Location") ?? "" };
    const said = (await answer.json().catch(() => null)) as { detail?: unknown } | null;
    if (typeof said?.detail === "string") throw new RefusedError(answer.status, said.detail);
    throw new ApiError(answer.status);
  }

  viewing(address: string, signal: AbortSignal): Promise<ViewingState> {
    return askServer(this.csrf, "GET", address, undefined, signal);
  }

  /** Ends a viewing, even while the page goes away. */
  leave(address: string): void {
    void fetch(address, { method: "DELETE", headers: { "X-CSRFToken": this.csrf }, keepalive: true }).catch(() => undefined);
  }

  /** Asks to move a camera, or to keep on moving it. */
  take(camera: number): Promise<Control> {
    return askServer(this.csrf, "PUT", `${this.base}/channels/${camera}/control`);
  }

  give(camera: number): void {
    const headers = { "X-CSRFToken": this.csrf };
    void fetch(`${this.base}/channels/${camera}/control`, { method: "DELETE", headers, keepalive: true }).catch(() => undefined);
  }

  steer(camera: number, word: "move" | "lens", args: Record<string, number>): Promise<unknown> {
    return askServer(this.csrf, "POST", `${this.base}/channels/${camera}/control`, { word, args });
  }
}
