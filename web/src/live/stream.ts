import { type IngestReport, type Light, judge } from "./connection";
import { Fleet } from "./fleet";
import { type AssetColumns, type CellColumns, type Frame, FrameDecoder, isSchema } from "./frames";
import type { Control, Kind, Mode, View } from "./messages";
import { narrowed } from "./sieve";
import { LiveSocket, type SocketState } from "./socket";
import type { Appearance } from "./store";
import type { Clock } from "../time";

interface Handlers {
  appearanceOf(kind: Kind): Appearance;
  onKinds(kinds: Kind[]): void;
  /** Positions came. `isFirst`: of another sort than before; `isOther`: things came or went. */
  onFrame(isFirst: boolean, isOther: boolean): void;
  /** Rows as they came live; the fleet has them already. */
  onRows?(columns: AssetColumns): void;
  /** Everything was forgotten; what follows is complete again. */
  onReset(): void;
  /** The server has greeted a new socket: what is said from now on is heard. */
  onGreeted?(): void;
  /** A message that is not about things. */
  onOther?(message: { type: string }): void;
  onRights(): void;
  onState(state: SocketState): void;
  onSessionEnded(): void;
  onUnreadable(what: string): void;
}

/** The live connection of a map: moving things, or cells that sum them up. */
export class Stream {
  readonly fleet = new Fleet(() => performance.now());
  mode: Mode = "assets";
  cells: CellColumns | null = null;
  private readonly socket: LiveSocket;
  private decoder = new FrameDecoder();
  private ingest: IngestReport | null = null;
  private view: View | null = null;
  private district = "";
  /** The map shows something else than the present. */
  private isHeld = false;
  /** The present is on its way, complete, but not here yet. */
  private isExpected = false;
  private kinds: Kind[] = [];

  constructor(
    address: string,
    private readonly clock: Clock,
    private readonly handlers: Handlers,
  ) {
    this.socket = LiveSocket.to(address, {
      onControl: (message) => this.control(message),
      onOther: (message) => this.handlers.onOther?.(message),
      onFrame: (bytes) => this.receive(bytes),
      onState: (state) => this.changed(state),
      onSessionEnded: () => this.handlers.onSessionEnded(),
    });
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
    this.look(view);
    this.socket.start();
  }

  look(view: View): void {
    this.view = { ...view, district: this.district || undefined };
    this.socket.look(this.view);
  }

  /** Only what is in this district (code) from now on; "": everywhere. */
  within(district: string): void {
    this.district = district;
    if (this.view !== null) this.look(this.view);
  }

  /** From now on live positions do not move the map, {@link feed} does; alerts are told as ever. */
  hold(): void {
    this.isHeld = true;
    this.mode = "assets";
    this.cells = null;
  }

  /** Shows the present again: asks for everything anew, and nothing until it comes. */
  resume(): void {
    this.isHeld = false;
    this.isExpected = true;
    this.declare(this.kinds);
    this.forget();
    // Where the connection is broken, the next one begins with everything anyway.
    if (this.view !== null) this.socket.say({ type: "view", ...this.view, fresh: true });
  }

  /**
   * Shows rows of the past while the present is held.
   *
   * @param moment when they are shown, ms since 1970 UTC
   * @param isWhole they stand in place of everything shown before
   */
  feed(columns: AssetColumns, moment: number, isWhole: boolean): void {
    if (isWhole) this.forget();
    const isOther = this.fleet.apply(columns, moment);
    this.handlers.onRows?.(columns);
    this.handlers.onFrame(isWhole, isWhole || isOther);
  }

  /** Says something to the server; false while nobody listens. */
  say(message: object): boolean {
    return this.socket.say(message);
  }

  light(): Light {
    return judge(this.socket.state, this.ingest, Date.now());
  }

  /** How many things are in view, one by one or summed up in cells. */
  count(): number {
    if (this.mode === "assets") return this.fleet.count();
    return this.cells === null ? 0 : this.cells.total.reduce((sum, total) => sum + total, 0);
  }

  /** Longitude, latitude (degrees) and weight of what there is of a kind with such looks (a bit each). */
  points(code: number, looks: number): [number, number, number][] {
    if (this.cells !== null) {
      const { lon, lat, kind, total, length } = narrowed(this.cells, () => looks);
      return Array.from({ length }, (_, i) => i)
        .filter((i) => kind[i] === code)
        .map((i) => [lon[i], lat[i], total[i]]);
    }
    const store = this.fleet.stores.get(code);
    if (store === undefined) return [];
    const points: [number, number, number][] = [];
    for (let i = 0; i < store.length; i++) {
      if ((looks >> store.looks[i]) & 1) points.push([store.positions[i * 2], store.positions[i * 2 + 1], 1]);
    }
    return points;
  }

  private control(message: Control): void {
    switch (message.type) {
      case "hello":
        this.clock.hear(message.server_time);
        this.handlers.onKinds(message.kinds);
        this.declare(message.kinds);
        this.handlers.onGreeted?.();
        break;
      case "pulse":
        this.clock.hear(message.server_time);
        this.ingest = { age_s: message.ingest_age_s, at: Date.now() };
        if (!this.isHeld) this.mode = message.mode;
        break;
      case "reset":
        if (this.isHeld) break;
        this.isExpected = false;
        this.forget();
        break;
      case "bye":
        if (message.reason === "permission") this.handlers.onRights();
        break;
    }
  }

  private declare(kinds: Kind[]): void {
    const isKnown = this.kinds.length > 0;
    this.kinds = kinds;
    // A new connection says them again; what is shown of the past stays.
    if (this.isHeld && isKnown) return;
    this.cells = null;
    this.fleet.declare(kinds, this.handlers.appearanceOf);
  }

  private forget(): void {
    this.fleet.clear();
    this.cells = null;
    this.handlers.onReset();
  }

  private receive(bytes: ArrayBuffer): void {
    if ((this.isHeld || this.isExpected) && !isSchema(bytes)) return;
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
      this.handlers.onRows?.(frame.columns);
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
