import { type IngestReport, type Light, judge } from "../live/connection";
import { Fleet } from "../live/fleet";
import { type CellColumns, type Frame, FrameDecoder } from "../live/frames";
import type { Kind, Mode, View } from "../live/messages";
import { LiveSocket, type SocketState } from "../live/socket";
import type { Appearance } from "../live/store";
import type { Clock } from "../time";
import type { Alert } from "./alerts";

interface Handlers {
  appearanceOf(kind: Kind): Appearance;
  onKinds(kinds: Kind[]): void;
  /** Positions came. `isFirst`: of another sort than before; `isOther`: things came or went. */
  onFrame(isFirst: boolean, isOther: boolean): void;
  /** Everything was forgotten; what follows is complete again. */
  onReset(): void;
  onAlerts(alerts: Alert[], isTruncated: boolean): void;
  onAlert(alert: Alert): void;
  onRights(): void;
  onState(state: SocketState): void;
  onSessionEnded(): void;
  onUnreadable(what: string): void;
}

/** The live connection of the screen: moving things, or cells that sum them up, and alerts. */
export class Stream {
  readonly fleet = new Fleet(() => performance.now());
  mode: Mode = "assets";
  cells: CellColumns | null = null;
  private readonly socket: LiveSocket;
  private decoder = new FrameDecoder();
  private ingest: IngestReport | null = null;

  constructor(
    address: string,
    private readonly clock: Clock,
    private readonly handlers: Handlers,
  ) {
    const live = new URL(address, window.location.href);
    live.protocol = live.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new LiveSocket(
      {
        onControl: (message) => {
          switch (message.type) {
            case "hello":
              this.clock.hear(message.server_time);
              this.cells = null;
              this.handlers.onKinds(message.kinds);
              this.fleet.declare(message.kinds, this.handlers.appearanceOf);
              break;
            case "pulse":
              this.clock.hear(message.server_time);
              this.ingest = { age_s: message.ingest_age_s, at: Date.now() };
              this.mode = message.mode;
              break;
            case "reset":
              this.fleet.clear();
              this.cells = null;
              this.handlers.onReset();
              break;
            case "bye":
              if (message.reason === "permission") this.handlers.onRights();
              break;
          }
        },
        onOther: (message) => this.hear(message as { type: string; alert?: Alert; alerts?: Alert[]; truncated?: boolean }),
        onFrame: (bytes) => this.receive(bytes),
        onState: (state) => this.changed(state),
        onSessionEnded: () => this.handlers.onSessionEnded(),
      },
      () => new WebSocket(live),
    );
    window.addEventListener("online", () => this.socket.retryNow());
    const motion = window.matchMedia("(prefers-reduced-motion: reduce)");
    const heed = (): void => {
      this.fleet.glides = !motion.matches;
    };
    heed();
    motion.addEventListener("change", heed);
  }

  get state(): SocketState {
    return this.socket.state;
  }

  start(view: View): void {
    this.socket.look(view);
    this.socket.start();
  }

  look(view: View): void {
    this.socket.look(view);
  }

  light(): Light {
    return judge(this.socket.state, this.ingest, Date.now());
  }

  /** How many things are in view, one by one or summed up in cells. */
  count(): number {
    if (this.mode === "assets") return this.fleet.count();
    return this.cells === null ? 0 : this.cells.total.reduce((sum, total) => sum + total, 0);
  }

  /** Longitude, latitude (degrees) and weight of what is drawn of a kind. */
  points(code: number): [number, number, number][] {
    if (this.cells !== null) {
      const { lon, lat, kind, total, length } = this.cells;
      return Array.from({ length }, (_, i) => i)
        .filter((i) => kind[i] === code)
        .map((i) => [lon[i], lat[i], total[i]]);
    }
    const store = this.fleet.stores.get(code);
    if (store === undefined) return [];
    return Array.from({ length: store.length }, (_, i) => [store.positions[i * 2], store.positions[i * 2 + 1], 1]);
  }

  private hear(message: { type: string; alert?: Alert; alerts?: Alert[]; truncated?: boolean }): void {
    if (message.type === "alerts" && message.alerts) this.handlers.onAlerts(message.alerts, message.truncated ?? false);
    else if (message.type === "alert" && message.alert) this.handlers.onAlert(message.alert);
  }

  private receive(bytes: ArrayBuffer): void {
    let frame: Frame | null;
    try {
      frame = this.decoder.decode(bytes);
    } catch (error) {
      this.handlers.onUnreadable(String(error));
      return;
    }
    if (frame === null) return;
    this.mode = frame.type;
    if (frame.type === "assets") {
      const isFirst = this.cells !== null || this.fleet.count() === 0;
      this.cells = null;
      const isOther = this.fleet.apply(frame.columns, this.clock.now());
      this.handlers.onFrame(isFirst, isOther);
    } else {
      this.cells = frame.columns;
      this.handlers.onFrame(false, true);
    }
  }

  private changed(state: SocketState): void {
    // Schemas come once per socket: a new socket must not read with an old one's.
    if (state.phase !== "open") this.decoder = new FrameDecoder();
    if (state.phase === "broken") this.ingest = null;
    this.handlers.onState(state);
  }
}
