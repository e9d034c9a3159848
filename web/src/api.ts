/** An asset as the API describes it. */
export interface AssetDetail {
  id: number;
  kind: string;
  code: string;
  name: string;
  owner: { name: string } | null;
  region: { code: string; name: string } | null;
  state: {
    /** RFC 3339 text or milliseconds since 1970 UTC. */
    time: string | number;
    lon: number;
    lat: number;
    alt_m: number | null;
    speed_m_s: number | null;
    heading_deg: number | null;
    status: number;
    attrs: Record<string, unknown> | null;
  } | null;
}

/** [longitude, latitude, ms since 1970 UTC, m/s or null] */
export type TrackPoint = [lon: number, lat: number, time_ms: number, speed_m_s: number | null];

export interface TrackAnswer {
  points: TrackPoint[];
  /** True when the hour had more points than the server gives at once. */
  truncated: boolean;
}

/** The server answered, but not with what was asked; `status` 0: it did not answer at all. */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(
    readonly status: number,
    cause?: unknown,
  ) {
    super(`status ${status}`, { cause });
  }

  /** Not there, or not for this user: the two are deliberately the same to the page. */
  get isGone(): boolean {
    return this.status === 404 || this.status === 403;
  }

  get isSignedOut(): boolean {
    return this.status === 401;
  }
}

async function read<T>(address: string, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(address, { headers: { Accept: "application/json" }, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, error);
  }
  if (!answer.ok) throw new ApiError(answer.status);
  return (await answer.json()) as T;
}

export const fetchAsset = (base: string, id: number, signal?: AbortSignal): Promise<AssetDetail> =>
  read(`${base}/${id}`, signal);

export const fetchTrack = (base: string, id: number, minutes: number, signal?: AbortSignal): Promise<TrackAnswer> =>
  read(`${base}/${id}/track?minutes=${minutes}`, signal);

/** Zoom ranges of the tile layers; empty when the catalogue cannot be read, the map then uses its defaults. */
export async function fetchTileRanges(base: string): Promise<Record<string, { minzoom: number; maxzoom: number }>> {
  type Entry = { name?: string; id?: string; minzoom?: number; maxzoom?: number };
  type Catalogue = { layers?: Entry[] | Record<string, Entry> };
  const { layers = [] } = await read<Catalogue>(`${base}/catalog.json`).catch((): Catalogue => ({}));
  const entries: [string, Entry][] = Array.isArray(layers)
    ? layers.map((entry) => [entry.name ?? entry.id ?? "", entry])
    : Object.entries(layers);
  return Object.fromEntries(
    entries.map(([name, { minzoom = 0, maxzoom = 14 }]) => [name, { minzoom, maxzoom }]),
  );
}
