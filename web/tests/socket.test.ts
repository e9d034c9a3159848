import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveSocket, type SocketHandlers, backoff } from "../src/live/socket";

/** A socket that does what the test says: the network is the one thing that cannot be had here. */
class Wire {
  readyState: number = WebSocketStates.CONNECTING;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.readyState = WebSocketStates.CLOSED;
  }
  opens(): void {
    this.readyState = WebSocketStates.OPEN;
    this.onopen?.();
  }
  says(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  breaks(code = 1006): void {
    this.readyState = WebSocketStates.CLOSED;
    this.onclose?.({ code });
  }
}

const WebSocketStates = { CONNECTING: 0, OPEN: 1, CLOSED: 3 };
const HELLO = { type: "hello", server_time: 0, kinds: [], statuses: [] };
const PULSE = { type: "pulse", server_time: 0, ingest_age_s: 0, mode: "assets", visible: 0 };
const VIEW = { bbox: [121, 31, 122, 32] as [number, number, number, number], zoom: 9 };

let wires: Wire[];
let handlers: { [K in keyof SocketHandlers]: ReturnType<typeof vi.fn> };
let socket: LiveSocket;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", WebSocketStates);
  wires = [];
  handlers = { onControl: vi.fn(), onFrame: vi.fn(), onState: vi.fn(), onSessionEnded: vi.fn() };
  socket = new LiveSocket(handlers as unknown as SocketHandlers, () => {
    const wire = new Wire();
    wires.push(wire);
    return wire as unknown as WebSocket;
  });
});

afterEach(() => {
  socket.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("backoff", () => {
  it("doubles to ten seconds, with jitter", () => {
    expect(backoff(0, 0)).toBe(250);
    expect(backoff(0, 1)).toBe(500);
    expect(backoff(3, 1)).toBe(4000);
    expect(backoff(30, 1)).toBe(10_000);
    expect(backoff(30, 0)).toBe(5000);
  });
});

describe("live socket", () => {
  it("sends the view on connect, on change, and again after a reconnection", () => {
    socket.look(VIEW);
    socket.start();
    wires[0].opens();
    expect(JSON.parse(wires[0].sent[0])).toEqual({ type: "view", ...VIEW });
    socket.look({ ...VIEW, zoom: 11 });
    expect(wires[0].sent).toHaveLength(2);
    wires[0].breaks();
    expect(socket.state.phase).toBe("broken");
    vi.advanceTimersByTime(500);
    wires[1].opens();
    expect(socket.state.phase).toBe("open");
    expect(JSON.parse(wires[1].sent[0]).zoom).toBe(11);
  });

  it("takes six silent seconds for a broken connection", () => {
    socket.start();
    wires[0].opens();
    vi.advanceTimersByTime(5000);
    wires[0].says(PULSE);
    const heard = Date.now();
    vi.advanceTimersByTime(6000);
    expect(socket.state.phase).toBe("open");
    vi.advanceTimersByTime(1000);
    expect(socket.state).toMatchObject({ phase: "broken", since: heard });
    expect(wires[0].readyState).toBe(WebSocketStates.CLOSED);
    expect(socket.state.nextTry).not.toBeNull();
  });

  it("gives up an attempt that neither opens nor fails", () => {
    socket.start();
    vi.advanceTimersByTime(6000);
    expect(socket.state.phase).toBe("broken");
    vi.advanceTimersByTime(500);
    expect(wires).toHaveLength(2);
  });

  it("stays broken since the first loss, until a connection opens", () => {
    socket.start();
    wires[0].opens();
    wires[0].breaks();
    const { since } = socket.state;
    vi.advanceTimersByTime(500);
    wires[1].breaks();
    expect(socket.state).toMatchObject({ phase: "broken", since });
  });

  it("does not hammer a server that accepts and drops: only a greeting ends the waiting", () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    socket.start();
    const waits: number[] = [];
    for (let n = 0; n < 6; n++) {
      wires[n].opens();
      wires[n].breaks();
      waits.push((socket.state.nextTry ?? 0) - Date.now());
      vi.advanceTimersByTime(waits[n]);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 10_000]);
    wires[6].opens();
    wires[6].says(HELLO);
    wires[6].breaks();
    expect((socket.state.nextTry ?? 0) - Date.now()).toBe(500);
  });

  it("tries at once when the network is back", () => {
    socket.start();
    wires[0].breaks();
    socket.retryNow();
    expect(wires).toHaveLength(2);
    vi.advanceTimersByTime(5000);
    expect(wires).toHaveLength(2);
  });

  it("goes to sign-in when the session is over, and does not come back", () => {
    socket.start();
    wires[0].opens();
    wires[0].breaks(4401);
    expect(handlers.onSessionEnded).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(60_000);
    expect(wires).toHaveLength(1);
  });

  it("hands on what it knows and passes over what a newer server says", () => {
    socket.start();
    wires[0].opens();
    wires[0].says(PULSE);
    wires[0].says({ type: "weather" });
    wires[0].onmessage?.({ data: new ArrayBuffer(3) });
    expect(handlers.onControl).toHaveBeenCalledExactlyOnceWith(PULSE);
    expect(handlers.onFrame).toHaveBeenCalledOnce();
  });
});
