import { h, setText } from "../dom";
import { t } from "../words";
import type { Camera, VideoApi } from "./api";
import { download, snapshot } from "./snapshot";
import { Steering } from "./steering";
import { Talk } from "./talk";
import { Viewing } from "./viewing";

/** One camera's picture with what can be done about it. */
export class Player {
  readonly element: HTMLElement;
  private readonly video = h("video", { autoplay: true, playsinline: true });
  private readonly veil = h("p", { class: "veil", role: "status" });
  private readonly figures = h("span", { class: "figures quiet" });
  private readonly control = h("button", { type: "button", onclick: () => void this.steering.toggle() }, t("云台"));
  private readonly mute = h("button", { type: "button", onclick: () => this.hear(this.video.muted) }, t("声音"));
  private readonly talk: Talk;
  private readonly viewing: Viewing;
  private readonly steering: Steering;

  /**
   * @param now the city's time as text
   * @param more buttons of whoever shows it
   * @param after what it waits for before it asks for its picture
   */
  constructor(
    api: VideoApi,
    readonly camera: Camera,
    private readonly now: () => string,
    onClose: () => void,
    more: readonly HTMLElement[] = [],
    after?: Promise<void>,
  ) {
    this.video.muted = true;
    this.talk = new Talk(api, camera);
    this.control.hidden = !camera.steerable;
    const tools = h(
      "span",
      { class: "tools" },
      this.control,
      this.mute,
      this.talk.button,
      h("button", { type: "button", onclick: () => void this.snap() }, t("抓拍")),
      h("button", { type: "button", onclick: () => void this.toggleFull() }, t("全屏")),
      ...more,
      h("button", { type: "button", class: "close", "aria-label": t("关闭画面"), onclick: onClose }, "×"),
    );
    this.element = h("figure", { class: "player", tabindex: "0", "data-camera": String(camera.id), "aria-label": camera.name });
    this.steering = new Steering(api, camera, this.element, this.video, () => this.show());
    this.viewing = new Viewing(api, camera.id, this.video, () => this.show(), null, after);
    this.video.addEventListener("playing", this.viewing.shown);
    this.video.addEventListener("dblclick", () => void this.toggleFull());
    const head = h("figcaption", {}, h("strong", {}, camera.name), this.figures, tools);
    this.element.append(this.video, this.veil, this.steering.pad, this.steering.said, this.talk.said, head);
    this.hear(false);
    this.show();
  }

  /** It is known whether there is a picture. */
  get settled(): Promise<void> {
    return this.viewing.settled;
  }

  /** Watches no more. */
  stop(): void {
    this.steering.stop();
    this.talk.stop();
    this.viewing.stop();
    this.element.remove();
  }

  private hear(isOn: boolean): void {
    this.video.muted = !isOn;
    this.mute.setAttribute("aria-pressed", String(isOn));
  }

  private show(): void {
    const { viewing, steering } = this;
    // Called once while this is still being made.
    if (viewing === undefined) return;
    this.element.dataset.phase = viewing.phase;
    setText(this.veil, this.words());
    this.veil.hidden = viewing.phase === "playing";
    const { state } = viewing;
    const parts: string[] = [];
    if (viewing.phase === "playing" && state?.fps !== undefined) {
      parts.push(t("{n} 帧/秒", { n: Math.round(state.fps) }), `${((state.kilobits ?? 0) / 1000).toFixed(1)} Mbit/s`);
      if (state.transcoded === true) parts.push(t("{codec} 已转码", { codec: codecName(state.codec) }));
    }
    setText(this.figures, parts.join(" · "));
    this.control.setAttribute("aria-pressed", String(steering.isOurs));
    this.element.classList.toggle("steered", steering.isOurs);
  }

  private words(): string {
    const { phase, said } = this.viewing;
    switch (phase) {
      case "connecting":
        return t("连接中…");
      case "nosignal":
        return t("无信号，正在等待画面恢复");
      case "forbidden":
        return t("无权观看这路视频");
      case "codec":
        return t("这路视频是 H.265，此浏览器不能播放，转码名额已满。请换用支持 H.265 的浏览器，或稍后再试。");
      case "refused":
        return t("{what} 稍后自动重试。", { what: said });
      case "lost":
        return t("连接中断，正在重连");
      case "playing":
        return "";
    }
  }

  private async snap(): Promise<void> {
    const { lon, lat, name, address, code } = this.camera;
    const place = lon === null || lat === null ? address : `${address} ${lon.toFixed(5)}°, ${lat.toFixed(5)}°`.trim();
    const time = this.now();
    const picture = await snapshot(this.video, { name, place, time });
    if (picture !== null) download(picture, `${code}-${time.replace(/\D/g, "")}.png`);
  }

  private async toggleFull(): Promise<void> {
    if (document.fullscreenElement === this.element) await document.exitFullscreen();
    else await this.element.requestFullscreen().catch(() => undefined);
  }
}

function codecName(codec: string | undefined): string {
  return codec === "h265" ? "H.265" : (codec ?? "").toUpperCase();
}
