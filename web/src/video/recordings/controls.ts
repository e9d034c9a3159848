import { h, setText } from "../../dom";
import { t } from "../../words";

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16];
/** Faster than this no device sends (GB/T 28181). */
const FASTEST_OF_DEVICES = 4;

interface Acts {
  toggle(): void;
  /** So many pictures on, or back. */
  step(by: number): void;
  /** So many seconds on, or back. */
  move(seconds: number): void;
  zoom(factor: number): void;
  speed(times: number): void;
  snap(): void;
  full(): void;
  lastMinute(): void;
}

/** Buttons and keys below the picture. */
export class Controls {
  readonly element: HTMLElement;
  private readonly play = h("button", { type: "button", class: "round", onclick: () => this.acts.toggle() });
  private readonly speeds = SPEEDS.map((speed) => h("option", { value: speed, selected: speed === 1 }, `${speed}×`));
  private readonly speed = h("select", { "aria-label": t("倍速"), onchange: () => this.acts.speed(this.times) }, ...this.speeds);
  private readonly steps: HTMLButtonElement[];

  constructor(private readonly acts: Acts) {
    const button = (text: string, label: string, act: () => void): HTMLButtonElement =>
      h("button", { type: "button", title: label, "aria-label": label, onclick: act }, text);
    const word = (text: string, act: () => void): HTMLElement => h("button", { type: "button", class: "text", onclick: act }, text);
    this.steps = [button("◂", t("上一帧"), () => acts.step(-1)), button("▸", t("下一帧"), () => acts.step(1))];
    this.element = h(
      "div",
      { class: "controls" },
      button("−10", t("后退 10 秒"), () => acts.move(-10)),
      this.steps[0],
      this.play,
      this.steps[1],
      button("+10", t("前进 10 秒"), () => acts.move(10)),
      this.speed,
      button("＋", t("放大时间轴"), () => acts.zoom(0.5)),
      button("－", t("缩小时间轴"), () => acts.zoom(2)),
      word(t("抓图"), () => acts.snap()),
      word(t("全屏"), () => acts.full()),
      word(t("最近一分钟"), () => acts.lastMinute()),
    );
    document.addEventListener("keydown", (event) => this.key(event));
  }

  get times(): number {
    return Number(this.speed.value);
  }

  showPlaying(isPaused: boolean): void {
    setText(this.play, isPaused ? t("播放") : t("暂停"));
  }

  /** What a device sends comes as it comes: no single pictures, and not as fast as files. */
  limit(isOnDevice: boolean): void {
    for (const option of this.speeds) option.disabled = isOnDevice && Number(option.value) > FASTEST_OF_DEVICES;
    for (const step of this.steps) step.disabled = isOnDevice;
    if (this.speeds[this.speed.selectedIndex]?.disabled) this.speed.value = "1";
  }

  private key(event: KeyboardEvent): void {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement || event.ctrlKey || event.metaKey) return;
    const { acts } = this;
    const found: Record<string, () => void> = {
      " ": () => acts.toggle(), ArrowLeft: () => acts.move(-10), ArrowRight: () => acts.move(10),
      ",": () => acts.step(-1), ".": () => acts.step(1), "+": () => acts.zoom(0.5), "-": () => acts.zoom(2),
    };
    const act = found[event.key];
    if (act === undefined || (event.key === " " && event.target instanceof HTMLButtonElement)) return;
    event.preventDefault();
    act();
  }
}
