import type { Boot } from "../boot";
import type { Clock } from "../time";
import { VideoApi } from "./api";
import { Dock } from "./dock";
import { OnCard } from "./oncard";
import { stamper } from "./stamp";

/** Cameras "near" an alert that are opened at once. */
const MOST_NEAR = 4;

/** Video on a page with a map: the dock, the button on a camera's card, and what is near a place. */
export class OnMap {
  readonly dock: Dock;
  readonly card: OnCard;
  private readonly api: VideoApi;

  constructor(boot: Boot, clock: Clock) {
    this.api = new VideoApi(boot.urls.video, boot.csrf);
    this.dock = new Dock(this.api, stamper(clock, boot.time_zone));
    this.card = new OnCard(this.api, this.dock);
  }

  /** Shows the cameras nearest to a place, degrees; returns how many there are. */
  async near(lon: number, lat: number): Promise<number> {
    const cameras = (await this.api.near(lon, lat, MOST_NEAR)).slice(0, MOST_NEAR);
    if (cameras.length > 0) this.dock.show(cameras);
    return cameras.length;
  }
}
