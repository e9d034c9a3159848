import { h, setText } from "../dom";
import { happened } from "../screen/happened";
import { t } from "../words";
import type { Camera, VideoApi } from "./api";

/** The platform takes a minute and a half. */
const LONGEST_S = 80;
const SAID_MS = 5000;
const HEADER_BYTES = 44;

/** A WAV file of one channel, 16 bits. */
export function wavOf(samples: Float32Array, rate: number): ArrayBuffer {
  const bytes = new ArrayBuffer(HEADER_BYTES + samples.length * 2);
  const view = new DataView(bytes);
  const word = (at: number, text: string): void => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, bytes.byteLength - 8, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, i) => view.setInt16(HEADER_BYTES + i * 2, Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), true));
  return bytes;
}

/** Speaks through a camera's loudspeaker: a click begins to record, the next one has it played there. */
export class Talk {
  readonly button = h("button", { type: "button", "aria-pressed": "false", onclick: () => void this.toggle() }, t("喊话"));
  readonly said = h("span", { class: "talk-said", role: "status" });
  private recorder: MediaRecorder | null = null;
  private begunAt = 0;
  private timer = 0;
  private isOver = false;

  constructor(
    private readonly api: VideoApi,
    private readonly camera: Camera,
  ) {
    this.button.hidden = !camera.steerable || !camera.speaks;
  }

  /** Nothing is recorded any longer, and what was is not played. */
  stop(): void {
    this.isOver = true;
    this.recorder?.stop();
    window.clearInterval(this.timer);
  }

  private async toggle(): Promise<void> {
    if (this.recorder !== null) {
      this.recorder.stop();
      return;
    }
    // Browsers give no microphone to pages that came without encryption.
    if (!window.isSecureContext) {
      this.say(t("浏览器只允许 https 页面使用麦克风，请联系管理员启用 https。"));
      return;
    }
    this.button.disabled = true;
    let stream: MediaStream | null = null;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
      if (this.isOver) release(stream); // the picture was closed while the browser asked
      else this.record(stream);
    } catch {
      if (stream !== null) release(stream);
      this.say(t("没有可用的麦克风，或没有允许使用。"));
    }
    this.button.disabled = false;
  }

  private record(stream: MediaStream): void {
    const pieces: Blob[] = [];
    const recorder = (this.recorder = new MediaRecorder(stream));
    recorder.addEventListener("dataavailable", ({ data }) => pieces.push(data));
    recorder.addEventListener("stop", () => {
      release(stream);
      window.clearInterval(this.timer);
      this.recorder = null;
      this.button.setAttribute("aria-pressed", "false");
      if (!this.isOver) void this.send(new Blob(pieces, { type: recorder.mimeType }));
    });
    recorder.start();
    this.begunAt = Date.now();
    this.button.setAttribute("aria-pressed", "true");
    this.timer = window.setInterval(() => this.tick(), 250);
    this.tick();
  }

  private tick(): void {
    const seconds = (Date.now() - this.begunAt) / 1000;
    setText(this.said, t("正在录音 {n} 秒，再点“喊话”播出", { n: Math.floor(seconds) }));
    if (seconds >= LONGEST_S) this.recorder?.stop();
  }

  private async send(recorded: Blob): Promise<void> {
    this.button.disabled = true;
    setText(this.said, t("正在播出…"));
    const context = new AudioContext();
    try {
      const sound = await context.decodeAudioData(await recorded.arrayBuffer());
      const file = new Blob([wavOf(sound.getChannelData(0), sound.sampleRate)], { type: "audio/wav" });
      const { seconds } = await this.api.announce(this.camera.id, file);
      this.say(t("设备正在播放，{n} 秒", { n: seconds }));
    } catch (error) {
      this.say(t("没有办成：{what}", { what: happened(error) }));
    } finally {
      void context.close();
      this.button.disabled = false;
    }
  }

  private say(text: string): void {
    setText(this.said, text);
    window.setTimeout(() => this.said.textContent === text && setText(this.said, ""), SAID_MS);
  }
}

/** The microphone is off. */
function release(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
