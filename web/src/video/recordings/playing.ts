import type { Segment } from "./api";

/** Something that plays the past of a camera; moments are milliseconds since 1970. */
export interface Playing {
  /** The moment that is shown. */
  readonly at: number;
  readonly isPaused: boolean;
  /** Whether there is a picture. */
  readonly isShown: boolean;
  seek(at: number): Promise<void>;
  pause(isPaused: boolean): void;
  speed(times: number): void;
  /** Called several times a second. */
  tick(): void;
  close(): void;
}

/** What becomes of a reel, for whoever shows it. */
export interface ReelListener {
  /** Nothing more is recorded after this moment, or nothing at all. */
  onEnd(): void;
  onProblem(error: unknown): void;
  /** The browser cannot play this codec. */
  onUnplayable(codecs: string): void;
  /** Another segment plays. */
  onSegment(segment: Segment): void;
}
