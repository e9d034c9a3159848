import type { Layer } from "@deck.gl/core";
import type { Fleet } from "../live/fleet";
import type { AssetColumns } from "../live/frames";
import type { Sieve } from "../live/sieve";
import { Trails } from "../live/trails";
import { trailLayer } from "../map/fade";
import type { Clock } from "../time";

/** While there are more things than this, only those of the selected one's kind leave trails: more would be a carpet. */
const FEW = 2000;

/** The short trails behind what moves, while somebody wants them; otherwise nothing is kept of where things were. */
export class Wake {
  isOn = false;
  private readonly trails: Trails;

  /**
   * @param scale enlarges lines on a wall
   * @param kept code of the kind of which trails are always kept; null: none
   */
  constructor(
    private readonly fleet: Fleet,
    private readonly sieve: Sieve,
    private readonly clock: Clock,
    private readonly scale: number,
    private readonly kept: () => number | null,
  ) {
    this.trails = new Trails(clock.now());
  }

  switch(isOn: boolean): void {
    this.isOn = isOn;
    this.trails.clear(this.clock.now());
  }

  /** Takes in a live frame. */
  take(columns: AssetColumns): void {
    if (!this.isOn) return;
    const { fleet, sieve } = this;
    const isFew = fleet.count() <= FEW;
    const kept = isFew ? null : this.kept();
    this.trails.take(columns, (kind) => (sieve.hidden.has(kind) || !(isFew || kind === kept) ? undefined : fleet.stores.get(kind)));
  }

  /** The live frames begin anew, with other things. */
  lift(): void {
    this.trails.lift();
  }

  layers(): Layer[] {
    if (!this.isOn || this.trails.pieces().length === 0) return [];
    return [trailLayer(this.trails, () => this.clock.now(), 2.2 * this.scale)];
  }
}
