import { askServer } from "../ask";
import type { Figure, Geometry, Sort } from "./geometry";

export type State = "draft" | "submitted" | "approved" | "active" | "discarded";
export type Action = "submit" | "withdraw" | "return" | "approve" | "activate" | "discard";

export interface Owner {
  id: number;
  name: string;
}

export type Period = Record<string, unknown>;

/** What a draft, an area and a version of one have in common. */
export interface Properties {
  name: string;
  kind: string;
  shape: Geometry;
  z_min_m: number | null;
  z_max_m: number | null;
  owner: Owner | null;
  periods: Period[];
  periods_text: string;
  source: string;
  attributes: Record<string, string | number>;
}

export interface DraftInfo {
  id: number;
  name: string;
  kind: string;
  state: State;
  state_name: string;
  revision: number;
  area: number | null;
  base_version: number | null;
  made_version: number | null;
  retire: boolean;
  region: string;
  created_by: string;
  changed_at: string;
  bbox: [number, number, number, number];
}

export interface Step {
  action: string;
  action_name: string;
  by: string;
  at: string;
  text: string;
}

export interface Draft extends DraftInfo, Properties {
  name: string;
  kind: string;
  figure: Figure | Record<string, never>;
  actions: (Action | "change")[];
  in_force_at: string | null;
  steps: Step[];
}

export interface AreaInfo {
  id: number;
  name: string;
  kind: string;
  version: number;
  active: boolean;
  region: string;
  owner: string;
  bbox: [number, number, number, number];
}

export interface Area extends Properties {
  id: number;
  version: number;
  active: boolean;
  region: string;
  /** The open draft about it. */
  draft?: number | null;
  /** Whether one may draw a change. */
  plans?: boolean;
}

export interface VersionInfo {
  version: number;
  name: string;
  active: boolean;
  from: string | null;
  to: string | null;
  by: string;
  draft: number | null;
  area_m2: number;
}

export interface Measure {
  area_m2: number;
  length_m: number;
  points: number;
}

export interface Worked {
  shapes: Geometry[];
  measures: Measure[];
}

export interface PeriodsAnswer {
  values: Period[];
  text: string;
  /** A fortnight: of each day its 48 half-hours, "1" where they hold. */
  preview: { date: string; halves: string }[];
}

export interface Force {
  in_force: boolean;
  workers: number;
  told: number;
  after_s: number | null;
}

/** A draft as it is to be. */
export interface DraftIn {
  name: string;
  kind: string;
  shape: Geometry;
  figure: Figure | null;
  z_min_m: number | null;
  z_max_m: number | null;
  owner: number | null;
  periods: Period[];
  source: string;
  attributes: Record<string, string | number>;
  retire: boolean;
  area: number | null;
  revision: number;
}

/** What the planners' desk asks of the server and tells it. */
export class PlanApi {
  constructor(
    readonly base: string,
    private readonly csrf: string,
  ) {}

  drafts(state: string, query: string): Promise<{ drafts: DraftInfo[]; more: boolean }> {
    return this.get(`drafts?state=${state}&q=${encodeURIComponent(query)}`);
  }

  draft(id: number): Promise<Draft> {
    return this.get(`drafts/${id}`);
  }

  /** @param id null: a new one */
  saveDraft(id: number | null, draft: DraftIn): Promise<Draft> {
    return id === null ? this.ask("POST", "drafts", draft) : this.ask("PUT", `drafts/${id}`, draft);
  }

  act(draft: DraftInfo, action: Action, text: string, activate = false): Promise<Draft> {
    return this.ask("POST", `drafts/${draft.id}/${action}`, { revision: draft.revision, text, activate });
  }

  force(id: number): Promise<Force> {
    return this.get(`drafts/${id}/force`);
  }

  areas(query: Record<string, string>): Promise<{ areas: AreaInfo[]; next: number | null; count: number; counted: boolean }> {
    return this.get(`areas?${new URLSearchParams(query)}`);
  }

  area(id: number): Promise<Area> {
    return this.get(`areas/${id}`);
  }

  async versions(id: number): Promise<VersionInfo[]> {
    return (await this.get<{ versions: VersionInfo[] }>(`areas/${id}/versions`)).versions;
  }

  version(id: number, version: number): Promise<Area> {
    return this.get(`areas/${id}/versions/${version}`);
  }

  work(op: string, shapes: Geometry[], more: { figure?: Figure; distance_m?: number } = {}): Promise<Worked> {
    return this.ask("POST", "shapes", { op, shapes, ...more });
  }

  async owners(query: string): Promise<Owner[]> {
    return (await this.get<{ owners: Owner[] }>(`owners?q=${encodeURIComponent(query)}`)).owners;
  }

  readCoordinates(text: string, datum: string, sort: Sort): Promise<{ shape: Geometry; text: string }> {
    return this.ask("POST", "coordinates", { text, datum, sort });
  }

  writeCoordinates(shape: Geometry, datum: string): Promise<{ shape: Geometry; text: string }> {
    return this.ask("POST", "coordinates", { shape, datum });
  }

  periods(asked: { text: string } | { values: Period[] }): Promise<PeriodsAnswer> {
    return this.ask("POST", "periods", asked);
  }

  exportAddress(query: Record<string, string>): string {
    return `${this.base}/export?${new URLSearchParams(query)}`;
  }

  get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return askServer(this.csrf, "GET", `${this.base}/${path}`, undefined, signal);
  }

  ask<T>(method: string, path: string, body: object, signal?: AbortSignal): Promise<T> {
    return askServer(this.csrf, method, `${this.base}/${path}`, body, signal);
  }
}
