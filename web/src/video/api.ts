import { ApiError } from "../api";
import { askServer } from "../ask";
import { RefusedError } from "../screen/api";
import type { Sector } from "./geometry";

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
  /** What carries it about: a drone, a vehicle. */
  carrier: number | null;
  lon: number | null;
  lat: number | null;
  heading_deg: number | null;
  /** Opening from side to side and from top to bottom, degrees. */
  view_deg: number | null;
  view_v_deg: number | null;
  /** Whether the user may move it. */
  steerable: boolean;
  /** Whether its device can be asked to play what somebody says; many have no loudspeaker all the same. */
  speaks: boolean;
}

/** A camera's field of view on the map. */
export interface View extends Sector {
  channel: number;
  asset: number | null;
  /** Opening or range are not known, but taken to be usual ones. */
  assumed: boolean;
}

/** A camera around a place. */
export interface NearCamera extends Camera {
  distance_m: number;
  /** Its field of view has the place in it. */
  covers: boolean;
  view: View | null;
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

  /**
   * Cameras within two kilometres of a place, degrees; those that are online and look at it come first.
   *
   * @param about a thing whose own cameras come before all, wherever they are
   */
  async near(lon: number, lat: number, most: number, about: number | null): Promise<NearCamera[]> {
    const query = new URLSearchParams({ lon: String(lon), lat: String(lat), most: String(most) });
    if (about !== null) query.set("asset", String(about));
    return (await askServer<{ channels: NearCamera[] }>(this.csrf, "GET", `${this.base}/near?${query}`)).channels;
  }

  /** Fields of view in a window of the map (west, south, east, north), and of one camera's thing. */
  async views(bbox: readonly number[] | null, asset: number | null): Promise<View[]> {
    const query = new URLSearchParams();
    if (bbox !== null) query.set("bbox", bbox.join(","));
    if (asset !== null) query.set("asset", String(asset));
    return (await askServer<{ views: View[] }>(this.csrf, "GET", `${this.base}/views?${query}`)).views;
  }

  /**
   * Begins to watch (WHEP).
   *
   * @param playback key of one's own playback of the camera's past; null: as it is now
   * @returns the answer, and the viewing's address
   * @throws RefusedError the server says why not
   * @throws ApiError it did not answer (status 0), or not in words
   */
  async watch(camera: number, offer: string, signal: AbortSignal, playback: number | null = null): Promise<{ answer: string; address: string }> {
    let answer: Response;
    try {
      const headers = { "Content-Type": "application/sdp", Accept: "application/sdp, application/json", "X-CSRFToken": this.csrf };
      const query = playback === null ? "" : `?playback=${playback}`;
      answer = await fetch(`${this.base}/channels/${camera}/whep${query}`, { method: "POST", headers, body: offer, signal });
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

  /** Has a WAV file played by the camera's loudspeaker; answers once the device listens. */
  announce(camera: number, sound: Blob): Promise<{ seconds: number }> {
    const form = new FormData();
    form.append("file", sound, "voice.wav");
    return askServer(this.csrf, "POST", `${this.base}/channels/${camera}/announcements`, form);
  }

  steer(camera: number, word: "move" | "lens", args: Record<string, number>): Promise<unknown> {
    return askServer(this.csrf, "POST", `${this.base}/channels/${camera}/control`, { word, args });
  }
}
