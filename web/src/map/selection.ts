import { ApiError, type AssetDetail, fetchAsset, fetchTrack } from "../api";
import type { Fleet } from "../live/fleet";
import type { Kind } from "../live/messages";
import { LOOKS, SILENT, type Look } from "../live/store";
import type { Rgb } from "../tokens";
import type { Clock } from "../time";
import { t } from "../words";
import type { Card, CardState } from "./card";
import type { Notices } from "./notices";
import { type Stretch, TRACK_MS, Track } from "./track";

/** How often details are read while the thing is not among the live ones (out of view, or summed up in a cell), or could not be read. */
const POLL_MS = 5000;
/** How often they are read while its state comes with the frames: owner, district and reported values change slowly. */
const REFRESH_MS = 15_000;
/** The same of what reports how its camera hangs: its footprint on the ground follows. */
const AIMING_MS = 2000;
/** How often the track is read again: reports of the past come late, after those of the present. */
const TRACK_REFRESH_MS = 30_000;

interface Deps {
  fleet: Fleet;
  card: Card;
  clock: Clock;
  notices: Notices;
  assetsUrl: string;
  /** Where details of a moment of the past are read, and which; null: the present. */
  past?: { url: string; moment(): number | null };
  kindByKey(key: string): Kind | undefined;
  kindByCode(code: number): Kind | undefined;
  /** Called when what is drawn of the selection changed. */
  onChange(): void;
  /** Called after a selection with its place, degrees: when that is known, and when the card has its details. */
  onSelect(place: [number, number]): void;
  onSignedOut(): void;
  /** Since when the track is shown, server's time in ms; an hour ago where missing. */
  trackSince?(): number;
  /** Called with the details whenever they were read, before the card has them. */
  onDetail?(detail: AssetDetail): void;
}

function happened(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  return error.status === 0 ? t("服务器没有应答") : t("服务器返回 {status}", { status: error.status });
}

/** The thing that is looked at: its details, its present, its track. */
export class Selection {
  id: number | null = null;
  private detail: AssetDetail | null = null;
  private track = new Track();
  private told = { more_m: 0, stays: 0 };
  private isTruncated = false;
  private hasTrack = false;
  private wasLive = false;
  private reading = new AbortController();
  private polled = 0;
  /** When the track was last read, well or badly; infinite while it is being read. */
  private trackRead = Number.POSITIVE_INFINITY;

  constructor(private readonly deps: Deps) {}

  select(id: number): void {
    if (this.id === id) return;
    this.forget();
    this.id = id;
    const sighting = this.deps.fleet.find(id);
    this.deps.card.open(sighting === null ? undefined : this.deps.kindByCode(sighting.kind));
    if (sighting !== null) this.deps.onSelect([sighting.lon, sighting.lat]);
    this.tick();
    void this.readDetail();
    void this.readTrack();
    this.deps.onChange();
  }

  clear(): void {
    if (this.id === null) return;
    this.forget();
    this.deps.card.close();
    this.deps.onChange();
  }

  /** Called each second, after each frame and after the fleet was forgotten. */
  tick(): void {
    if (this.id === null) return;
    const state = this.present();
    if (state !== null) {
      this.deps.card.showState(state);
      if (this.hasTrack) {
        this.track.append([state.lon, state.lat, state.time_ms, state.speed_m_s]);
        this.track.trim(this.since());
        this.showTrack();
      }
    }
    const isLive = this.deps.fleet.find(this.id) !== null;
    const isAiming = this.detail?.state?.attrs?.gimbal_pitch_deg !== undefined;
    const wait = isAiming ? AIMING_MS : isLive && this.detail !== null ? REFRESH_MS : POLL_MS;
    // Out of the frames: out of the picture only, or out of what may be seen? The API knows.
    const hasLeft = this.wasLive && !isLive;
    this.wasLive = isLive;
    if (hasLeft || Date.now() - this.polled > wait) void this.readDetail();
    const trackWait = this.hasTrack ? TRACK_REFRESH_MS : POLL_MS;
    if (this.moment() === null && Date.now() - this.trackRead > trackWait) void this.readTrack();
  }

  /** Where it is, when the live frames do not say; degrees. */
  place(): [number, number] | null {
    const state = this.detail?.state;
    return state ? [state.lon, state.lat] : null;
  }

  stretches(colour: Rgb): Stretch[] {
    return this.track.stretches(this.deps.clock.now(), this.since(), colour);
  }

  /** Another moment is shown: the card and the track are read anew. */
  renew(): void {
    if (this.id === null) return;
    this.reading.abort();
    this.reading = new AbortController();
    this.detail = null;
    this.track = new Track();
    this.hasTrack = this.wasLive = false;
    this.trackRead = Number.POSITIVE_INFINITY;
    this.tick();
    void this.readDetail();
    void this.readTrack();
    this.deps.onChange();
  }

  private moment(): number | null {
    return this.deps.past?.moment() ?? null;
  }

  private url(): string {
    const { past, assetsUrl } = this.deps;
    return past === undefined || past.moment() === null ? assetsUrl : past.url;
  }

  private since(): number {
    return this.deps.trackSince?.() ?? this.deps.clock.now() - TRACK_MS;
  }

  private forget(): void {
    this.reading.abort();
    this.reading = new AbortController();
    this.id = null;
    this.detail = null;
    this.track = new Track();
    this.hasTrack = false;
    this.wasLive = false;
    this.trackRead = Number.POSITIVE_INFINITY;
    this.isTruncated = false;
  }

  private present(): CardState | null {
    if (this.id === null) return null;
    const live = this.deps.fleet.find(this.id);
    if (live !== null) return live;
    const state = this.detail?.state;
    if (!state) return null;
    const time_ms = typeof state.time === "number" ? state.time : Date.parse(state.time);
    return { ...state, time_ms, look: this.lookOf(state.status, time_ms) };
  }

  private lookOf(status: number, time_ms: number): Look {
    const kind = this.deps.kindByKey(this.detail?.kind ?? "");
    const age_s = (this.deps.clock.now() - time_ms) / 1000;
    const look = LOOKS[status < SILENT ? status : 0];
    const mayFallSilent = look === "idle" || look === "working";
    return mayFallSilent && kind !== undefined && age_s > kind.silent_after_s ? "silent" : look;
  }

  private async readDetail(): Promise<void> {
    const { id, deps } = this;
    if (id === null) return;
    const { signal } = this.reading;
    this.polled = Date.now();
    try {
      const detail = await fetchAsset(this.url(), id, signal, this.moment());
      if (signal.aborted) return;
      const isFirst = this.detail === null;
      this.detail = detail;
      deps.onDetail?.(detail);
      deps.card.showDetail(detail, deps.kindByKey(detail.kind));
      const place = this.place();
      // Once more with the details in it: the card has grown and may cover the thing now.
      if (isFirst && place !== null) deps.onSelect(place);
      if (this.present() === null) deps.card.showNoState();
      this.tick();
      deps.onChange();
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.isSignedOut) deps.onSignedOut();
      else if (error instanceof ApiError && error.isGone) this.vanish();
      else deps.card.showProblem(t("详情读取失败：{what}，稍后会再试。", { what: happened(error) }));
    }
  }

  private async readTrack(): Promise<void> {
    const { id, deps } = this;
    if (id === null) return;
    const { signal } = this.reading;
    this.trackRead = Number.POSITIVE_INFINITY;
    try {
      const minutes = Math.max(1, Math.ceil((deps.clock.now() - this.since()) / 60_000));
      const answer = await fetchTrack(this.url(), id, minutes, signal, this.moment());
      if (signal.aborted) return;
      this.trackRead = Date.now();
      this.track = new Track(answer.points);
      this.track.trim(this.since());
      this.isTruncated = answer.truncated;
      this.hasTrack = true;
      this.tick();
      // What the server knows better: wrong positions left out, the time before the first point that it gave added.
      this.told = { more_m: answer.distance_m - this.track.length_m(), stays: answer.stays.length };
      this.showTrack();
      deps.onChange();
    } catch (error) {
      if (signal.aborted) return;
      this.trackRead = Date.now();
      // What was read before stays: an older track is better than none.
      if (!this.hasTrack) deps.card.showTrackProblem(t("轨迹读取失败：{what}，稍后会再试。", { what: happened(error) }));
    }
  }

  /** Of a whole day as the server tells it and as it went on since; of a sliding hour as its points say. */
  private showTrack(): void {
    const { card, trackSince } = this.deps;
    const length_m = this.track.length_m();
    if (trackSince === undefined) card.showTrack(length_m, this.track.length, this.isTruncated);
    else card.showTrack(Math.max(0, length_m + this.told.more_m), this.track.length, this.isTruncated, this.told.stays);
  }

  private vanish(): void {
    const name = this.detail?.name ?? t("所选对象");
    this.clear();
    this.deps.notices.note(t("{name} 已不在可见范围内，卡片已关闭。", { name }));
  }
}
