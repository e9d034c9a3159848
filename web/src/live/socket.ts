import { type Control, type View, parseControl } from "./messages";

/** The server pulses every 2 s: three missed pulses mean the connection is dead even if TCP says otherwise. */
export const SILENCE_LIMIT_MS = 6000;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_LIMIT_MS = 10_000;
/** Close code by which the server says that the session has ended. */
const SESSION_ENDED = 4401;

export interface SocketState {
  phase: "connecting" | "open" | "broken";
  /** When this phase began, local ms; while broken: when something was last heard. */
  since: number;
  /** When the last message came, local ms; null before the first. */
  heard: number | null;
  /** When the next attempt starts, local ms; only while broken. */
  nextTry: number | null;
}

export interface SocketHandlers {
  onControl(message: Control): void;
  /** A text message that is not about positions. */
  onOther?(message: { type: string }): void;
  onFrame(bytes: ArrayBuffer): void;
  /** Called whenever the phase changes. */
  onState(state: SocketState): void;
  /** The session is over: the page goes to sign-in. */
  onSessionEnded(): void;
}

/** Wait before attempt `attempt` (0, 1, …), ms: doubling up to 10 s, with half of it left to chance `random` in [0, 1). */
export function backoff(attempt: number, random: number): number {
  const full = Math.min(BACKOFF_LIMIT_MS, BACKOFF_FIRST_MS * 2 ** attempt);
  return full / 2 + (full / 2) * random;
}

/** The live connection: opens, watches, and opens again until closed for good. */
export class LiveSocket {
  readonly state: SocketState = { phase: "connecting", since: Date.now(), heard: null, nextTry: null };
  private socket: WebSocket | null = null;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private view: View | null = null;
  private stopped = false;

  /** @param open makes the WebSocket; a test gives its own. */
  constructor(
    private readonly handlers: SocketHandlers,
    private readonly open: () => WebSocket,
  ) {}

  /** A connection to an address of this site. */
  static to(address: string, handlers: SocketHandlers): LiveSocket {
    const live = new URL(address, window.location.href);
    live.protocol = live.protocol === "https:" ? "wss:" : "ws:";
    const socket = new LiveSocket(handlers, () => new WebSocket(live));
    window.addEventListener("online", () => socket.retryNow());
    return socket;
  }

  start(): void {
    this.watch = setInterval(() => this.checkSilence(), 1000);
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.watch);
    clearTimeout(this.timer);
    this.drop();
  }

  /** Sends what the page looks at now; kept and sent again after each reconnection. */
  look(view: View): void {
    this.view = view;
    this.sendView();
  }

  /** Says something that is not kept: false while the connection is not open. */
  say(message: object): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Tries at once instead of waiting (the computer says the network is back). */
  retryNow(): void {
    if (this.stopped || this.state.phase !== "broken") return;
    clearTimeout(this.timer);
    this.connect();
  }

  private connect(): void {
    if (this.state.phase === "broken") this.state.nextTry = null;
    else this.enter("connecting");
    const socket = this.open();
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.state.heard = Date.now();
      this.enter("open");
      this.sendView();
    };
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      this.state.heard = Date.now();
      this.receive(event.data);
    };
    socket.onclose = (event: CloseEvent) => this.lost(event.code);
    // An attempt may neither open nor fail for minutes.
    this.timer = setTimeout(() => {
      if (this.socket === socket && socket.readyState === WebSocket.CONNECTING) this.abandon();
    }, SILENCE_LIMIT_MS);
  }

  private receive(data: string | ArrayBuffer): void {
    if (typeof data !== "string") {
      this.handlers.onFrame(data);
      return;
    }
    const message = parseControl(data);
    if (message === null) {
      this.handlers.onOther?.(JSON.parse(data) as { type: string });
      return;
    }
    // Only a greeting proves that the server serves; one that accepts and drops us must not be hammered.
    if (message.type === "hello") this.attempt = 0;
    if (message.type === "bye" && message.reason === "session") {
      this.endSession();
      return;
    }
    this.handlers.onControl(message);
  }

  private sendView(): void {
    if (this.view !== null && this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify({ type: "view", ...this.view }));
    }
  }

  private checkSilence(): void {
    const { phase, heard } = this.state;
    if (phase === "open" && heard !== null && Date.now() - heard > SILENCE_LIMIT_MS) this.abandon();
  }

  /** Gives up a socket that hangs: its own close event may take minutes. */
  private abandon(): void {
    this.drop();
    this.lost(1006);
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private lost(code: number): void {
    clearTimeout(this.timer);
    this.socket = null;
    if (code === SESSION_ENDED) {
      this.endSession();
      return;
    }
    const wait = backoff(this.attempt, Math.random());
    this.attempt += 1;
    this.state.nextTry = Date.now() + wait;
    this.timer = setTimeout(() => this.connect(), wait);
    this.enter("broken");
  }

  private endSession(): void {
    this.stop();
    this.handlers.onSessionEnded();
  }

  private enter(phase: SocketState["phase"]): void {
    if (this.state.phase !== phase) {
      this.state.phase = phase;
      // What was lost was lost with the last message, not when its absence was noticed.
      this.state.since = phase === "broken" ? (this.state.heard ?? Date.now()) : Date.now();
    }
    if (phase !== "broken") this.state.nextTry = null;
    this.handlers.onState(this.state);
  }
}
