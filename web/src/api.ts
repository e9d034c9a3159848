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
  /** Of the whole time, wrong positions and wandering while it stays left out; metres. */
  distance_m: number;
  /** Where it stayed for five minutes or longer. */
  stays: { start: string; end: string; lon: number; lat: number }[];
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

/** @param at a moment of the past, ms since 1970 UTC; null: now */
export const fetchAsset = (base: string, id: number, signal?: AbortSignal, at: number | null = null): Promise<AssetDetail> =>
  read(`${base}/${id}${at === null ? "" : `?at=${Math.round(at)}`}`, signal);

/** @param at the end of the minutes, ms since 1970 UTC; null: now */
export const fetchTrack = (
  base: string,
  id: number,
  minutes: number,
  signal?: AbortSignal,
  at: number | null = null,
): Promise<TrackAnswer> => read(`${base}/${id}/track?minutes=${minutes}${at === null ? "" : `&at=${Math.round(at)}`}`, signal);

/** Somebody on duty; times in RFC 3339. */
export interface Shift {
  name: string;
  title: string;
  region: string;
  /** Masked. */
  telephone: string;
  /** Where to ask for it in full; empty for those who may not. */
  reveal: string;
  starts_at: string;
  ends_at: string;
}

export interface DutyAnswer {
  shifts: Shift[];
  /** Where the roster is kept; empty for those who do not keep it. */
  desk: string;
}

export interface WeatherAnswer {
  report: {
    condition_name: string;
    temperature_c: number | null;
    wind_name: string;
    wind_speed_m_s: number | null;
    region: string;
    source: string;
    observed_at: string;
  } | null;
  /** Age from which a report is old, seconds. */
  stale_after_s: number;
}

/** @param district code; "": everywhere the user may see */
export const fetchDuty = (base: string, district: string): Promise<DutyAnswer> =>
  read(`${base}?district=${encodeURIComponent(district)}`);

/** @param district code; "": everywhere the user may see */
export const fetchWeather = (base: string, district: string): Promise<WeatherAnswer> =>
  read(`${base}?district=${encodeURIComponent(district)}`);

/** A layer of vector tiles, as the server tells of it. */
export interface TileLayerInfo {
  name: string;
  /** Address with places for zoom, column and row. */
  tiles: string;
  minzoom: number;
  maxzoom: number;
  attribution: string;
}

/** The tile layers by name; none when the catalogue cannot be read, the map then uses its defaults. */
export async function fetchTileLayers(base: string): Promise<ReadonlyMap<string, TileLayerInfo>> {
  const { layers } = await read<{ layers: TileLayerInfo[] }>(`${base}/catalog.json`).catch(() => ({ layers: [] }));
  return new Map(layers.map((layer) => [layer.name, layer]));
}
