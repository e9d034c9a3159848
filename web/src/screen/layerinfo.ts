/** What the server declares of map layers (`GET /api/v1/layers`). */

/** A colour by name, or one for each value of a field. */
export type Paint = string | { by: string; colours: { value: number | string | boolean; colour: string }[]; other: string };

export interface LayerInfo {
  id: string;
  title: string;
  group: string;
  module: string;
  /** Whether a new viewer sees it switched on. */
  visible: boolean;
  min_zoom: number;
  max_zoom: number;
  source:
    | { type: "live"; shape: "point"; kind: string; code: number; silent_after_s: number }
    | {
        type: "areas" | "rows" | "tiles";
        shape: "point" | "path" | "polygon";
        tiles: string;
        min_zoom: number;
        max_zoom: number;
      }
    /** Cells of a risk grid by one of its indices: pictures, made by the server. */
    | { type: "grid"; shape: "cells"; grid: string; index: string; min_zoom: number; max_zoom: number };
  style: {
    type: "cells" | "icon" | "point" | "polygon" | "volume" | "path" | "heat" | "district";
    colour?: Paint;
    glyph?: string;
    radius_px?: number;
    line_px?: number;
    width_px?: number;
    fill_opacity?: number;
    opacity?: number;
    most_opacity?: number;
    intensity?: number;
    height_m?: number;
    hatched?: boolean;
  };
  legend: { title: string; colour: string; value: number | string | boolean | null }[];
  filters: FilterInfo[];
  card: CardField[];
}

export type Value = number | string | boolean;

/** Lets the viewer keep only things whose field has one of the chosen values. */
export interface FilterInfo {
  field: string;
  title: string;
  options: { value: Value; title: string }[];
}

/** One line of a card. */
export interface CardField {
  field: string;
  title: string;
  unit: string;
  format: string;
}

export interface Count {
  value: Value;
  title: string;
  count: number;
}

/** Counts of one layer within what the viewer may see. */
export interface Statistics {
  id: string;
  total: number;
  state: Count[];
  kind: Count[];
  district: Count[];
  parts: Part[];
  as_of: string;
}

/** How many in a district (code; empty: none) and state have these values, one for each of the layer's filters. */
export interface Part {
  district: string;
  state: Value | null;
  values: unknown[];
  count: number;
}

/** Counts of a layer that a module wants on the wall. */
export interface PanelInfo {
  id: string;
  title: string;
  layer: string;
  by: "state" | "kind" | "district";
  place: "left" | "right" | "below";
  unit: string;
}

export interface TilesetInfo {
  name: string;
  url: string;
  attribution: string;
}

export interface District {
  code: string;
  name: string;
  /** West, south, east, north: degrees. */
  bounds: [number, number, number, number];
}
