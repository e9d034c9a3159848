import { ApiError } from "../api";
import { RefusedError } from "../screen/api";
import type { VideoApi, ViewingState } from "./api";

/** What is to be said over the picture. */
export type Phase =
  | "connecting"
  | "playing"
  /** The camera's stream is lost; the platform opens it again. */
  | "nosignal"
  | "forbidden"
  /** Not for this browser, and nobody is left to transcode. */
  | "codec"
  /** The server said why not, in words. */
  | "refused"
  | "lost";

const POLL_MS = 3000;
const FIRST_POLL_MS = 800;
const STALLED_MS = 4000;
/** Whoever waits for a picture before its own waits no longer than that. */
const SETTLED_MS = 5000;
const RETRY_MS = [1000, 2000, 4000, 8000, 15_000];
/** Nothing to wait for: another try would end the same. */
const FINAL: ReadonlySet<Phase> = new Set(["forbidden", "codec"]);

/** Why the platform ends a viewing that somebody may not go on with. */
const UNSEEN = new Set(["not permitted", "signed out"]);

/** One camera on one `<video>`: connects by WHEP, looks after the picture, connects again when it is lost. */
export class Viewing {
  phase: Phase = "connecting";
  /** What the server said, for people. */
  said = "";
  state: ViewingState | null = null;
  private peer: RTCPeerConnection | null = null;
  private address = "";
  private tries = 0;
  private timer = 0;
  private seen = { frames: 0, at: 0 };
  private readonly over = new AbortController();
  private settle: () => void = () => undefined;
  /** It is known how it goes: there is a picture, or a reason why not. Or it takes long. */
  readonly settled = new Promise<void>((resolve) => {
    this.settle = resolve;
  });

  /** @param after what it waits for before it asks for its picture */
  constructor(
    private readonly api: VideoApi,
    private readonly camera: number,
    private readonly video: HTMLVideoElement,
    private readonly onChange: () => void,
    private readonly playback: number | null = null,
    after: Promise<void> = Promise.resolve(),
  ) {
    window.addEventListener("pagehide", this.stop, { signal: this.over.signal });
    void after.then(() => this.begin());
  }

  /** Watches no more. */
  readonly stop = (): void => {
    this.over.abort();
    this.settle();
    this.drop();
    this.video.srcObject = null;
  };

  private drop(): void {
    window.clearTimeout(this.timer);
    this.peer?.close();
    this.peer = null;
    if (this.address !== "") this.api.leave(this.address);
    this.address = "";
  }

  private begin(): void {
    if (this.over.signal.aborted) return;
    window.setTimeout(this.settle, SETTLED_MS);
    void this.connect();
  }

  private async connect(): Promise<void> {
    this.turn("connecting");
    const peer = (this.peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" }));
    const stream = new MediaStream();
    peer.addEventListener("track", ({ track, receiver }) => {
      // What a camera sees is wanted now; a late packet is asked for again, not waited for.
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      stream.addTrack(track);
      this.video.srcObject = stream;
    });
    peer.addEventListener("connectionstatechange", () => {
      if (peer === this.peer && ["failed", "closed"].includes(peer.connectionState)) this.again("lost");
    });
    try {
      for (const kind of ["video", "audio"]) peer.addTransceiver(kind, { direction: "recvonly" });
      await peer.setLocalDescription();
      const { answer, address } = await this.api.watch(this.camera, peer.localDescription?.sdp ?? "", this.over.signal, this.playback);
      if (this.over.signal.aborted || peer !== this.peer) {
        this.api.leave(address);
        return;
      }
      this.address = address;
      await peer.setRemoteDescription({ type: "answer", sdp: answer });
      this.seen = { frames: 0, at: performance.now() };
      this.timer = window.setTimeout(() => void this.look(), FIRST_POLL_MS);
    } catch (error) {
      if (!this.over.signal.aborted) this.failed(error);
    }
  }

  private failed(error: unknown): void {
    this.said = error instanceof RefusedError ? error.detail : "";
    const status = error instanceof ApiError ? error.status : -1;
    if (status === 404 || status === 403 || status === 401) this.again("forbidden");
    else this.again(this.said === "" ? "lost" : "refused");
  }

  private again(phase: Phase): void {
    this.drop();
    this.turn(phase);
    if (FINAL.has(phase) || this.over.signal.aborted) return;
    const wait = RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)];
    this.timer = window.setTimeout(() => void this.connect(), wait);
  }

  /** Now and then: does the picture move, and what does the platform say of it? */
  private async look(): Promise<void> {
    const frames = this.video.getVideoPlaybackQuality().totalVideoFrames;
    const now = performance.now();
    const isMoving = frames !== this.seen.frames;
    if (isMoving) this.seen = { frames, at: now };
    let isSignedOut = false;
    try {
      this.state = await this.api.viewing(this.address, this.over.signal);
    } catch (error) {
      this.state = null;
      isSignedOut = error instanceof ApiError && error.isSignedOut;
    }
    if (this.over.signal.aborted || this.peer === null) return;
    const ended = this.state?.ended ?? "";
    if (ended !== "" || isSignedOut) {
      this.again(isSignedOut || UNSEEN.has(ended) ? "forbidden" : ended.startsWith("needs ") ? "codec" : "lost");
      return;
    }
    if (isMoving) {
      this.tries = 0;
      this.turn("playing");
    } else if (now - this.seen.at > STALLED_MS) this.turn("nosignal");
    else this.onChange();
    this.timer = window.setTimeout(() => void this.look(), this.phase === "connecting" ? FIRST_POLL_MS : POLL_MS);
  }

  /** A picture came: what the next look would find. */
  readonly shown = (): void => {
    if (this.phase === "connecting" && this.peer !== null) this.turn("playing");
  };

  private turn(phase: Phase): void {
    this.phase = phase;
    if (phase !== "connecting") this.settle();
    this.onChange();
  }
}
