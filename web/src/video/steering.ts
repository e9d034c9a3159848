import { h, setText } from "../dom";
import { RefusedError } from "../screen/api";
import { t } from "../words";
import type { Camera, VideoApi } from "./api";

const KEEP_MS = 4000;
const SPEED = 0.5;
/** Of the picture's half: nearer to the middle nothing moves. */
const DEAD = 0.12;
const WHEEL_MS = 250;
const KEYS: Record<string, [pan: number, tilt: number, zoom: number]> = {
  ArrowLeft: [-SPEED, 0, 0],
  ArrowRight: [SPEED, 0, 0],
  ArrowUp: [0, SPEED, 0],
  ArrowDown: [0, -SPEED, 0],
  "+": [0, 0, SPEED],
  "=": [0, 0, SPEED],
  "-": [0, 0, -SPEED],
};

/** A camera under somebody's hands: asked for, kept, moved by buttons, in the picture and by keys, given back. */
export class Steering {
  /** Buttons; shown while the camera is ours. */
  readonly pad: HTMLElement;
  readonly said = h("span", { class: "steer-said", role: "status" });
  isOurs = false;
  private keeping = 0;
  private wheel = 0;
  private moving = "";
  private asked: Promise<unknown> = Promise.resolve();

  /**
   * @param frame takes keys
   * @param picture takes the mouse
   * @param onChange the camera became ours, or is so no more
   */
  constructor(
    private readonly api: VideoApi,
    private readonly camera: Camera,
    private readonly frame: HTMLElement,
    private readonly picture: HTMLElement,
    private readonly onChange: () => void,
  ) {
    const button = (sign: string, name: string, pan: number, tilt: number, zoom: number): HTMLElement =>
      h(
        "button",
        { type: "button", title: name, "aria-label": name, onpointerdown: (event) => this.press(event as PointerEvent, pan, tilt, zoom) },
        sign,
      );
    this.pad = h(
      "div",
      { class: "steer-pad", hidden: true },
      button("▲", t("向上"), 0, SPEED, 0),
      button("◀", t("向左"), -SPEED, 0, 0),
      button("▶", t("向右"), SPEED, 0, 0),
      button("▼", t("向下"), 0, -SPEED, 0),
      button("＋", t("拉近"), 0, 0, SPEED),
      button("－", t("拉远"), 0, 0, -SPEED),
    );
    frame.addEventListener("keydown", this.keyDown);
    frame.addEventListener("keyup", this.keyUp);
    frame.addEventListener("blur", this.halt);
    picture.addEventListener("pointerdown", this.grasp);
    picture.addEventListener("wheel", this.turnWheel, { passive: false });
  }

  /** Asks for the camera, or gives it back. */
  async toggle(): Promise<void> {
    if (this.isOurs) {
      this.release();
      return;
    }
    if (await this.keep()) this.keeping = window.setInterval(() => void this.keep(), KEEP_MS);
  }

  /** Gives the camera back; again does nothing. */
  release(): void {
    if (!this.isOurs) return;
    window.clearInterval(this.keeping);
    this.api.give(this.camera.id);
    this.moving = "";
    this.have(false);
  }

  /** For good. */
  stop(): void {
    this.release();
    this.frame.removeEventListener("keydown", this.keyDown);
    this.frame.removeEventListener("keyup", this.keyUp);
    this.frame.removeEventListener("blur", this.halt);
    this.picture.removeEventListener("pointerdown", this.grasp);
    this.picture.removeEventListener("wheel", this.turnWheel);
  }

  private async keep(): Promise<boolean> {
    try {
      const { mine, name } = await this.api.take(this.camera.id);
      if (!mine) setText(this.said, t("{name} 正在操作", { name }));
      else if (!this.isOurs) setText(this.said, "");
      this.have(mine);
    } catch (error) {
      this.fail(error);
      this.have(false);
    }
    return this.isOurs;
  }

  private have(isOurs: boolean): void {
    if (!isOurs) window.clearInterval(this.keeping);
    if (this.isOurs === isOurs) return;
    this.isOurs = isOurs;
    this.pad.hidden = !isOurs;
    this.onChange();
  }

  private readonly halt = (): void => this.move(0, 0, 0);

  private move(pan: number, tilt: number, zoom: number): void {
    if (!this.isOurs) return;
    const args = { pan, tilt, zoom };
    const moving = JSON.stringify(args);
    if (moving === (this.moving || JSON.stringify({ pan: 0, tilt: 0, zoom: 0 }))) return;
    this.moving = moving;
    // One after the other: a stop must not overtake its movement.
    this.asked = this.asked.then(() => this.api.steer(this.camera.id, "move", args)).then(
      () => setText(this.said, ""),
      (error: unknown) => this.fail(error),
    );
  }

  private fail(error: unknown): void {
    setText(this.said, error instanceof RefusedError ? error.detail : t("指令没有送达"));
  }

  private press(event: PointerEvent, pan: number, tilt: number, zoom: number): void {
    if (!this.isOurs) return;
    event.preventDefault();
    this.move(pan, tilt, zoom);
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, this.halt, { once: true });
  }

  /** In the picture: towards where is pressed, faster further from the middle. */
  private readonly grasp = (event: PointerEvent): void => {
    if (!this.isOurs || event.button !== 0) return;
    const { left, top, width, height } = this.picture.getBoundingClientRect();
    const pan = ((event.clientX - left) / width) * 2 - 1;
    const tilt = 1 - ((event.clientY - top) / height) * 2;
    if (Math.hypot(pan, tilt) < DEAD) return;
    this.press(event, round(pan), round(tilt), 0);
  };

  private readonly turnWheel = (event: WheelEvent): void => {
    if (!this.isOurs) return;
    event.preventDefault();
    window.clearTimeout(this.wheel);
    this.move(0, 0, event.deltaY < 0 ? SPEED : -SPEED);
    this.wheel = window.setTimeout(this.halt, WHEEL_MS);
  };

  private readonly keyDown = (event: KeyboardEvent): void => {
    const way = KEYS[event.key];
    if (!this.isOurs || way === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) this.move(...way);
  };

  private readonly keyUp = (event: KeyboardEvent): void => {
    if (event.key in KEYS) this.halt();
  };
}

const round = (value: number): number => Math.round(Math.max(-1, Math.min(1, value)) * 100) / 100;
