import { askServer } from "../ask";
import type { Found } from "../screen/api";
import type { LayerInfo } from "../screen/layerinfo";
import type { DirectorUrls } from "./boot";
import type { Deed, SceneInfo, TourInfo } from "./protocol";

/** A tour as it is to be. */
export type TourDraft = Pick<TourInfo, "name" | "loop" | "position"> & { steps: { scene: number; dwell_s: number }[] };

/** What a tablet asks of the server and tells it. */
export class DirectorApi {
  constructor(
    private readonly urls: DirectorUrls,
    private readonly csrf: string,
  ) {}

  async scenes(): Promise<SceneInfo[]> {
    return (await this.ask<{ scenes: SceneInfo[] }>("GET", this.urls.scenes)).scenes;
  }

  async tours(): Promise<TourInfo[]> {
    return (await this.ask<{ tours: TourInfo[] }>("GET", this.urls.tours)).tours;
  }

  layers(): Promise<LayerInfo[]> {
    return this.ask("GET", this.urls.layers);
  }

  search(query: string): Promise<{ results: Found[]; more: boolean }> {
    return this.ask("GET", `${this.urls.search}?q=${encodeURIComponent(query)}`);
  }

  /** Tells a wall to do something; answers with the order's number. */
  async tell(wall: number, order: Deed): Promise<number> {
    return (await this.ask<{ number: number }>("POST", `${this.urls.walls}/${wall}/orders`, { order })).number;
  }

  /** Saves what is on a wall as a scene. */
  keepPicture(wall: number, name: string): Promise<SceneInfo> {
    return this.ask("POST", `${this.urls.walls}/${wall}/scene`, { name });
  }

  changeScene({ id, ...scene }: SceneInfo): Promise<SceneInfo> {
    return this.ask("PUT", `${this.urls.scenes}/${id}`, scene);
  }

  deleteScene(id: number): Promise<void> {
    return this.ask("DELETE", `${this.urls.scenes}/${id}`);
  }

  /** @param id null: a new one */
  keepTour(id: number | null, draft: TourDraft): Promise<TourInfo> {
    return id === null ? this.ask("POST", this.urls.tours, draft) : this.ask("PUT", `${this.urls.tours}/${id}`, draft);
  }

  deleteTour(id: number): Promise<void> {
    return this.ask("DELETE", `${this.urls.tours}/${id}`);
  }

  private ask<T>(method: string, address: string, body?: object): Promise<T> {
    return askServer(this.csrf, method, address, body);
  }
}
