import type { FilterSpecification } from "maplibre-gl";
import { ALL_LOOKS } from "../live/sieve";
import { LOOKS, SILENT } from "../live/store";
import type { FilterInfo, LayerInfo, Part, Statistics, Value } from "./layerinfo";

/** What is remembered of filters: by layer and field, the values that are kept. */
export type KeptValues = Record<string, Record<string, Value[]>>;

/** What the viewer keeps of each layer; where nothing was chosen, everything. */
export class Filters {
  private readonly kept = new Map<string, Map<string, Set<Value>>>();

  /** Whether something of the layer is left out. */
  isNarrow(layer: LayerInfo): boolean {
    return this.kept.has(layer.id);
  }

  keeps(layer: LayerInfo, field: string, value: unknown): boolean {
    return this.kept.get(layer.id)?.get(field)?.has(value as Value) ?? true;
  }

  /** Keeps a value of a field from now on, or leaves it out. */
  choose(layer: LayerInfo, filter: FilterInfo, value: Value, isKept: boolean): void {
    const values = new Set(this.kept.get(layer.id)?.get(filter.field) ?? filter.options.map((option) => option.value));
    if (isKept) values.add(value);
    else values.delete(value);
    this.put(layer, filter, values);
  }

  clear(): void {
    this.kept.clear();
  }

  /** The looks of a live layer's things that are kept: a bit for each of {@link LOOKS}. */
  looks(layer: LayerInfo): number {
    if (!this.isNarrow(layer)) return ALL_LOOKS;
    return LOOKS.reduce((mask, _look, i) => {
      const status = i === SILENT ? "silent" : i;
      const passes = this.keeps(layer, "status", status) && this.keeps(layer, "silent", i === SILENT);
      return passes ? mask | (1 << i) : mask;
    }, 0);
  }

  /** The same choice for the map's own layers; null: everything. */
  expression(layer: LayerInfo): FilterSpecification | null {
    const fields = this.kept.get(layer.id);
    if (fields === undefined) return null;
    const conditions = [...fields].map(([field, values]) => ["in", ["get", field], ["literal", [...values]]]);
    return ["all", ...conditions] as FilterSpecification;
  }

  /** Counts of a layer with only what is kept in them. */
  sift(layer: LayerInfo, statistics: Statistics): Statistics {
    if (!this.isNarrow(layer)) return statistics;
    const parts = statistics.parts.filter((part) => this.passes(layer, part));
    const count = (holds: (part: Part) => boolean): number => sum(parts.filter(holds));
    const { state, district } = statistics;
    return {
      ...statistics,
      total: sum(parts),
      state: state.map((each) => ({ ...each, count: count((part) => part.state === each.value) })),
      district: district.map((each) => ({ ...each, count: count((part) => part.district === each.value) })),
      parts,
    };
  }

  /** How many have this value of a field, among those that the layer's other filters keep. */
  countOf(layer: LayerInfo, filter: FilterInfo, value: Value, statistics: Statistics): number {
    const at = layer.filters.indexOf(filter);
    return sum(statistics.parts.filter((part) => part.values[at] === value && this.passes(layer, part, filter)));
  }

  remembered(): KeptValues {
    return Object.fromEntries(
      [...this.kept].map(([id, fields]) => [id, Object.fromEntries([...fields].map(([field, values]) => [field, [...values]]))]),
    );
  }

  /** Takes up what was remembered, as far as there still are such layers, fields and values. */
  recall(layers: readonly LayerInfo[], remembered: KeptValues): void {
    this.kept.clear();
    for (const layer of layers) {
      for (const filter of layer.filters) {
        const values = remembered[layer.id]?.[filter.field];
        if (!Array.isArray(values)) continue;
        const known = filter.options.filter((option) => values.includes(option.value));
        // A choice of which nothing is left any more would hide everything for a reason nobody sees.
        if (known.length > 0 || values.length === 0) this.put(layer, filter, new Set(known.map(({ value }) => value)));
      }
    }
  }

  private passes(layer: LayerInfo, part: Part, except: FilterInfo | null = null): boolean {
    return layer.filters.every((filter, i) => filter === except || this.keeps(layer, filter.field, part.values[i]));
  }

  private put(layer: LayerInfo, filter: FilterInfo, values: Set<Value>): void {
    const fields = this.kept.get(layer.id) ?? new Map<string, Set<Value>>();
    if (filter.options.every((option) => values.has(option.value))) fields.delete(filter.field);
    else fields.set(filter.field, values);
    if (fields.size > 0) this.kept.set(layer.id, fields);
    else this.kept.delete(layer.id);
  }
}

function sum(parts: readonly Part[]): number {
  return parts.reduce((total, { count }) => total + count, 0);
}
