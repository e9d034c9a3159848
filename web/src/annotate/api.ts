import { ApiError } from "../api";
import { RefusedError } from "../screen/api";
import type { Geometry, Sort as ShapeSort } from "../plan/geometry";
import type { Annotation, Draft, Palette, Question, Shape, Subject, Version, Whole } from "./records";
import { type Box, boxText } from "./window";

/** Somebody else changed it in the meantime. */
export class StaleError extends RefusedError {
  override name = "StaleError";

  constructor(
    detail: string,
    /** What it is now. */
    readonly now: Annotation,
  ) {
    super(409, detail);
  }
}

export interface Listed {
  annotations: Annotation[];
  count: number;
  truncated: boolean;
}

/** What was on a part of the map at a moment, and around it since when and until when nothing changed. */
export interface Past extends Listed {
  since: number | null;
  until: number;
}

export interface Photograph {
  id: number;
  place: { lon: number; lat: number } | null;
  taken_at: string | null;
}

export type Mark = "lock" | "unlock" | "hide" | "show" | "remove";

/** What the page asks about annotations and tells of them. */
export class AnnotateApi {
  /**
   * @param base address of annotations
   * @param past address of the time machine; "": this page shows only the present
   */
  constructor(
    private readonly base: string,
    private readonly past: string,
    private readonly csrf: string,
  ) {}

  palette(): Promise<Palette> {
    return this.get("/symbols");
  }

  /** The first of those asked for, the last changed first. */
  list(question: Partial<Question>, limit: number): Promise<Listed> {
    return this.get(queryOf({ ...question, limit }));
  }

  /** Address of the same as a file. */
  fileOf(question: Partial<Question>): string {
    return `${this.base}.geojson${queryOf(question)}`;
  }

  one(id: number): Promise<Whole> {
    return this.get(`/${id}`);
  }

  async versions(id: number): Promise<Version[]> {
    return (await this.get<{ versions: Version[] }>(`/${id}/versions`)).versions;
  }

  async at(moment: number, box: Box): Promise<Past> {
    return (await this.fetch(`${this.past}/annotations?at=${Math.round(moment)}&bbox=${boxText(box)}`, {})).json() as Promise<Past>;
  }

  save(draft: Draft): Promise<Whole> {
    const { id, organizations, subject, ...rest } = draft;
    const said = { ...rest, subject: subject && { kind: subject.kind, key: subject.key }, organizations: organizations.map((each) => each.id) };
    return id === null ? this.send("POST", "", said) : this.send("PUT", `/${id}`, said);
  }

  mark(annotation: Annotation, mark: Mark): Promise<Whole | { id: number; removed: true }> {
    return this.send("POST", `/${annotation.id}/${mark}`, { version: annotation.version });
  }

  copy(id: number, subject: Subject | null): Promise<Whole> {
    return this.send("POST", `/${id}/copy`, { subject: subject && { kind: subject.kind, key: subject.key } });
  }

  async subjects(text: string, signal: AbortSignal): Promise<(Subject & { kind_name: string })[]> {
    return (await this.get<{ subjects: (Subject & { kind_name: string })[] }>(`/subjects?q=${encodeURIComponent(text)}`, signal)).subjects;
  }

  async organizations(text: string, signal: AbortSignal): Promise<{ id: number; name: string }[]> {
    const found = await this.get<{ organizations: { id: number; name: string }[] }>(`/organizations?q=${encodeURIComponent(text)}`, signal);
    return found.organizations;
  }

  async sendPhotograph(file: File): Promise<Photograph> {
    const headers = { Accept: "application/json", "Content-Type": file.type || "application/octet-stream", "X-CSRFToken": this.csrf };
    return (await this.fetch(`${this.base}/photographs`, { method: "POST", headers, body: file })).json() as Promise<Photograph>;
  }

  photographAddress(id: number, isSmall: boolean): string {
    return `${this.base}/photographs/${id}${isSmall ? "?small=true" : ""}`;
  }

  readCoordinates(text: string, datum: string, sort: ShapeSort): Promise<{ shape: Geometry; text: string }> {
    return this.send("POST", "/coordinates", { text, datum, sort });
  }

  writeCoordinates(shape: Geometry | Shape, datum: string): Promise<{ shape: Geometry; text: string }> {
    return this.send("POST", "/coordinates", { shape, datum });
  }

  private async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await this.fetch(this.base + path, { headers: { Accept: "application/json" }, signal })).json() as Promise<T>;
  }

  private async send<T>(method: string, path: string, body: object): Promise<T> {
    const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": this.csrf };
    return (await this.fetch(this.base + path, { method, headers, body: JSON.stringify(body) })).json() as Promise<T>;
  }

  private async fetch(address: string, init: RequestInit): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(address, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError(0, error);
    }
    if (answer.ok) return answer;
    const said = (await answer.json().catch(() => null)) as { detail?: unknown; now?: Annotation } | null;
    if (typeof said?.detail !== "string" || answer.status === 401) throw new ApiError(answer.status);
    if (answer.status === 409 && said.now) throw new StaleError(said.detail, said.now);
    throw new RefusedError(answer.status, said.detail);
  }
}

function queryOf(question: Partial<Question> & { limit?: number }): string {
  const given = Object.entries(question).filter(([, value]) => value !== "" && value !== false);
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
