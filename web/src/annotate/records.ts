/** Annotations as the server tells of them (`/api/v1/annotations`). */

export type LonLat = [lon: number, lat: number];

export type Shape =
  | { type: "Point"; coordinates: LonLat }
  | { type: "LineString"; coordinates: LonLat[] }
  | { type: "Polygon"; coordinates: LonLat[][] };

export type Sort = "point" | "line" | "polygon";

export interface SymbolInfo {
  key: string;
  name: string;
  sort: Sort;
  glyph: string;
  colour: string;
  group: "basic" | "command";
  stroke: "solid" | "dashed" | "arrow";
  measured: boolean;
}

export interface Named {
  key: string;
  name: string;
}

/** What can be drawn, how it is called, and whether this user draws at all. */
export interface Palette {
  symbols: SymbolInfo[];
  colours: Named[];
  subjects: Named[];
  datums: { name: string; title: string }[];
  draws: boolean;
  user: number;
}

export interface Subject {
  kind: string;
  key: string;
  title: string;
}

export interface Person {
  id: number;
  name: string;
}

export interface Annotation {
  id: number;
  version: number;
  kind: string;
  title: string;
  text: string;
  keywords: string[];
  colour: string;
  shape: Shape;
  length_m: number | null;
  area_m2: number | null;
  happened_at: string;
  subject: Subject | null;
  photograph: number | null;
  copied_from: number | null;
  locked: boolean;
  hidden: boolean;
  author: Person | null;
  changed_by: Person | null;
  changed_at?: string;
}

/** One of them, with what this user may do to it. */
export interface Whole extends Annotation {
  may: { edit: boolean; manage: boolean };
  source?: { id: number; title: string; author: Person | null; happened_at: string };
  organizations?: { id: number; name: string }[];
}

/** What it was once. */
export interface Version extends Annotation {
  from: string;
  to: string | null;
}

/** What somebody's hand is drawing just now; without points: nothing any more. */
export interface Stroke {
  id: number;
  kind: string;
  points: LonLat[];
  author: Person;
}

/** What is asked for; empty: whatever. */
export interface Question {
  q: string;
  author: string;
  kind: string;
  since: string;
  until: string;
  bbox: string;
  subject: string;
  hidden: boolean;
}

/** An annotation in hand; `id` null: a new one. */
export interface Draft {
  id: number | null;
  version: number;
  kind: string;
  shape: Shape | null;
  title: string;
  text: string;
  keywords: string[];
  colour: string;
  happened_at: string | null;
  subject: Subject | null;
  photograph: number | null;
  organizations: { id: number; name: string }[];
}

/** A new one of a kind. */
export function newDraft(kind: string): Draft {
  return {
    id: null, version: 0, kind, shape: null, title: "", text: "", keywords: [], colour: "", happened_at: null,
    subject: null, photograph: null, organizations: [],
  };
}

/** What changes an annotation. */
export function draftOf(whole: Whole): Draft {
  const { id, version, kind, shape, title, text, keywords, colour, happened_at, subject, photograph } = whole;
  return { id, version, kind, shape, title, text, keywords, colour, happened_at, subject, photograph, organizations: whole.organizations ?? [] };
}

/** The points that a shape's line or ring passes. */
export function pointsOf(shape: Shape): LonLat[] {
  switch (shape.type) {
    case "Point":
      return [shape.coordinates];
    case "LineString":
      return shape.coordinates;
    case "Polygon":
      return shape.coordinates[0];
  }
}
