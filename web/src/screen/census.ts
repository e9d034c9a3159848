import type { Clock } from "../time";
import type { Tokens } from "../tokens";
import type { ScreenApi } from "./api";
import { Counters } from "./counters";
import type { DistrictList } from "./districts";
import type { LayerInfo, Statistics } from "./layerinfo";
import type { Target } from "./spotlight";
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
  private layers: readonly LayerInfo[] = [];

  /**
   * @param glyphSize CSS pixels
   * @param onPick called with what a number counts when it is chosen
   * @param onCounts called when counts have come or are of something else
   */
  constructor(
    private readonly api: ScreenApi,
    private readonly clock: Clock,
    tokens: Tokens,
    glyphSize: number,
    private readonly tree: Tree,
    private readonly districts: DistrictList,
    onPick: (target: Target) => void,
    private readonly onCounts: () => void,
  ) {
    this.counters = new Counters(tokens, glyphSize, onPick);
  }

  start(layers: readonly LayerInfo[]): void {
    this.layers = layers;
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
    void this.readNow(this.live);
    void this.readNow(this.standing);
  }

  /** How many things have an alert that nobody has acknowledged. */
  alerting(count: number): void {
    this.alertingCount = count;
    this.tree.countAlerts(count);
    this.show();
  }

  /** Counts by district of what a layer shows. */
  byDistrict(layer: LayerInfo): ReadonlyMap<string, number> {
    const counts = this.countsOf(layer, this.everywhere);
    return new Map(counts?.district.filter(({ value }) => value !== "").map(({ value, count }) => [String(value), count]));
  }

  /** Counts of what a layer shows in the district that is looked into. */
  counts(id: string): Statistics | undefined {
    const layer = this.layers.find((each) => each.id === id);
    return layer === undefined ? undefined : this.countsOf(layer, this.shown);
  }

  /** Filters have changed: the same counts, of other things. */
  sift(): void {
    this.show();
  }

  /** What the layer's own filters keep of what is counted of its things. */
  private countsOf(layer: LayerInfo, read: ReadonlyMap<string, Statistics>): Statistics | undefined {
    const { source } = layer;
    const counted = source.type === "live" ? this.live.find((each) => each.source.type === "live" && each.source.code === source.code) : layer;
    const statistics = counted === undefined ? undefined : read.get(counted.id);
    return statistics === undefined ? undefined : this.tree.filters.sift(layer, statistics);
  }

  private async read(layers: readonly LayerInfo[], wait_ms: number): Promise<void> {
    if (!document.hidden) await this.readNow(layers);
    setTimeout(() => void this.read(layers, wait_ms), wait_ms);
  }

  /** What cannot be read stays as it was: the time beside the counts tells since when. */
  private async readNow(layers: readonly LayerInfo[]): Promise<void> {
    const { district } = this;
    const ids = layers.map(({ id }) => id);
    const everywhere = district === "" ? ids : layers.filter(({ source }) => source.type === "live").map(({ id }) => id);
    try {
      const [all, here] = await Promise.all([
        this.api.statistics(everywhere, ""),
        district === "" ? null : this.api.statistics(ids, district),
      ]);
      for (const each of all) this.everywhere.set(each.id, each);
      if (district === this.district) for (const each of here ?? all) this.shown.set(each.id, each);
    } catch {
      return;
    }
    this.show();
  }

  private show(): void {
    for (const [id, all] of this.shown) this.tree.count(id, this.counts(id) ?? all, all);
    const counted = this.live.flatMap((layer) => {
      const statistics = this.countsOf(layer, this.shown);
      return statistics === undefined ? [] : [{ layer, statistics }];
    });
    this.counters.update(counted, this.alertingCount, this.clock);
    const sums = new Map<string, number>();
    for (const layer of this.live) {
      for (const { value, count } of this.countsOf(layer, this.everywhere)?.district ?? []) {
        sums.set(String(value), (sums.get(String(value)) ?? 0) + count);
      }
    }
    this.districts.count(sums);
    this.onCounts();
  }
}
