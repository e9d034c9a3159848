import type { Clock } from "../time";
import type { Tokens } from "../tokens";
import type { ScreenApi } from "./api";
import { Counters } from "./counters";
import type { DistrictList } from "./districts";
import type { LayerInfo, Statistics } from "./layerinfo";
import type { Tree } from "./tree";

/** What moves is counted this often; what stands changes rarely. */
const LIVE_MS = 5000;
const STANDING_MS = 60_000;

/** Counts of all layers, read again and again: everywhere, and in the district that is looked into. */
export class Census {
  readonly counters: Counters;
  private readonly shown = new Map<string, Statistics>();
  private readonly everywhere = new Map<string, Statistics>();
  private live: LayerInfo[] = [];
  private standing: LayerInfo[] = [];
  private district = "";
  private alertingCount = 0;

  /**
   * @param glyphSize CSS pixels
   * @param onDistricts called when counts by district have come
   */
  constructor(
    private readonly api: ScreenApi,
    private readonly clock: Clock,
    tokens: Tokens,
    glyphSize: number,
    private readonly tree: Tree,
    private readonly districts: DistrictList,
    private readonly onDistricts: () => void,
  ) {
    this.counters = new Counters(tokens, glyphSize);
  }

  start(layers: readonly LayerInfo[]): void {
    const kinds = new Set<number>();
    for (const layer of layers) {
      if (layer.source.type !== "live") this.standing.push(layer);
      // A heat map of a kind counts what the kind's own layer counts.
      else if (!kinds.has(layer.source.code) && kinds.add(layer.source.code)) this.live.push(layer);
    }
    void this.read(this.live, LIVE_MS);
    void this.read(this.standing, STANDING_MS);
  }

  /** Counts in one district (code) from now on; "": everywhere. */
  look(district: string): void {
    this.district = district;
    for (const layer of [...this.live, ...this.standing]) void this.readOne(layer);
  }

  /** How many things have an alert that nobody has acknowledged. */
  alerting(count: number): void {
    this.alertingCount = count;
    this.show();
  }

  /** Counts by district of what a layer shows. */
  byDistrict({ source }: LayerInfo): ReadonlyMap<string, number> {
    const counted = this.live.find((layer) => source.type === "live" && layer.source.type === "live" && layer.source.code === source.code);
    const counts = counted === undefined ? undefined : this.everywhere.get(counted.id);
    return new Map(counts?.district.filter(({ value }) => value !== "").map(({ value, count }) => [String(value), count]));
  }

  private async read(layers: readonly LayerInfo[], wait_ms: number): Promise<void> {
    if (!document.hidden) await Promise.all(layers.map((layer) => this.readOne(layer)));
    setTimeout(() => void this.read(layers, wait_ms), wait_ms);
  }

  /** What cannot be read stays as it was: the time beside the counts tells since when. */
  private async readOne(layer: LayerInfo): Promise<void> {
    const { district } = this;
    try {
      const isLive = layer.source.type === "live";
      const [all, here] = await Promise.all([
        isLive || district === "" ? this.api.statistics(layer.id, "") : null,
        district === "" ? null : this.api.statistics(layer.id, district),
      ]);
      if (all !== null) this.everywhere.set(layer.id, all);
      const wanted = here ?? all;
      if (wanted !== null && district === this.district) this.shown.set(layer.id, wanted);
    } catch {
      return;
    }
    this.show();
  }

  private show(): void {
    for (const [id, statistics] of this.shown) this.tree.count(id, statistics);
    const counted = this.live.flatMap((layer) => {
      const statistics = this.shown.get(layer.id);
      return statistics === undefined ? [] : [{ layer, statistics }];
    });
    this.counters.update(counted, this.alertingCount, this.clock);
    const sums = new Map<string, number>();
    for (const layer of this.live) {
      for (const { value, count } of this.everywhere.get(layer.id)?.district ?? []) {
        sums.set(String(value), (sums.get(String(value)) ?? 0) + count);
      }
    }
    this.districts.count(sums);
    this.onDistricts();
  }
}
