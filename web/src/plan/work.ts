import type { Area, Draft, DraftIn, Properties } from "./api";
import type { Figure, Geometry } from "./geometry";

/** What the planner has in hand; a value, a change makes another one. */
export interface Fields extends Omit<Properties, "shape"> {
  shape: Geometry | null;
  figure: Figure | null;
  retire: boolean;
}

export function emptyFields(source: string): Fields {
  return {
    name: "", kind: "fence", shape: null, figure: null, z_min_m: null, z_max_m: null,
    owner: null, periods: [], periods_text: "", source, attributes: {}, retire: false,
  };
}

/** The fields of a stored draft, or of an area of which a change begins. */
export function fieldsOf(thing: Draft | Area): Fields {
  const { name, kind, shape, z_min_m, z_max_m, owner, periods, periods_text, source, attributes } = thing;
  const figure = "figure" in thing && "type" in thing.figure ? (thing.figure as Figure) : null;
  const retire = "retire" in thing && thing.retire;
  return { name, kind, shape, figure, z_min_m, z_max_m, owner, periods, periods_text, source, attributes, retire };
}

/** As the server takes it; null: nothing has been drawn yet. */
export function draftOf(fields: Fields, area: number | null, revision: number): DraftIn | null {
  const { periods_text: _told, shape, owner, ...others } = fields;
  return shape === null ? null : { ...others, shape, owner: owner?.id ?? null, area, revision };
}
