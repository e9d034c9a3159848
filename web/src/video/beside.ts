import { h } from "../dom";
import { t } from "../words";
import type { Camera, VideoApi } from "./api";
import { Player } from "./player";

/** From the icon to the picture's edge, pixels. */
const AWAY_PX = 30;
const EDGE_PX = 8;

/** Where there is room. */
export interface Room {
  /** Where a thing is drawn just now, pixels from the page's corner; null: it is not there. */
  at(id: number): { x: number; y: number } | null;
  /** What lies over the map on its right, or, on a phone, at its foot; null: nothing. */
  cover(): DOMRect | null;
  /** How much of the page's edges the panels take, pixels. */
  free(): { left: number; right: number; top: number; bottom: number };
}

/** From where to where a picture may stand along one side of the page: between the panels where there is room for it. */
export function between(start: number, end: number, page: number, own: number): [number, number] {
  return end - start >= own ? [start, end - own] : [EDGE_PX, page - own - EDGE_PX];
}

/** A camera's picture beside the icon of what carries it; it goes where that goes. */
export class Beside {
  readonly element = h("section", { class: "beside", hidden: true, "aria-label": t("跟随画面") });
  private readonly line = h("span", { class: "beside-line", "aria-hidden": "true" });
  private player: Player | null = null;
  private id: number | null = null;
  private frame = 0;

  /** @param onDock the picture is wanted in the window with the others */
  constructor(
    private readonly api: VideoApi,
    private readonly now: () => string,
    private readonly room: Room,
    private readonly onDock: (camera: Camera) => void,
  ) {
    this.element.append(this.line);
  }

  /** Shows a camera beside a thing; what was shown before ends. */
  open(camera: Camera, id: number): void {
    this.close();
    this.id = id;
    const dock = h("button", { type: "button", class: "to-dock", onclick: () => this.dock(camera) }, t("放入窗口"));
    this.player = new Player(this.api, camera, this.now, () => this.close(), [dock]);
    this.element.append(this.player.element);
    this.element.hidden = false;
    this.follow();
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.player?.stop();
    this.player = null;
    this.id = null;
    this.element.hidden = true;
  }

  private dock(camera: Camera): void {
    this.close();
    this.onDock(camera);
  }

  /** At each frame of the screen: right of the icon, else left of it, else above or below; never over the panels. */
  private readonly follow = (): void => {
    if (this.id === null) return;
    this.frame = requestAnimationFrame(this.follow);
    const at = this.room.at(this.id);
    const { element, line } = this;
    line.hidden = at === null;
    if (at === null) return; // it stays where it was seen last
    const { clientWidth: width, clientHeight: height } = document.documentElement;
    const { offsetWidth: own_width, offsetHeight: own_height } = element;
    const free = this.room.free();
    const cover = this.room.cover();
    const isBelow = cover !== null && cover.width > width / 2;
    const end = Math.min(width - free.right, (isBelow ? width : (cover?.left ?? width)) - EDGE_PX);
    const foot = Math.min(height - free.bottom, (isBelow ? cover.top : height) - EDGE_PX);
    const [first, last] = between(free.left, end, width, own_width);
    const isRight = at.x + AWAY_PX <= last;
    const x = clamp(isRight ? at.x + AWAY_PX : at.x - AWAY_PX - own_width, first, last);
    const [top, bottom] = between(free.top, foot, height, own_height);
    const isBeside = at.x < x || at.x > x + own_width;
    const above = at.y - AWAY_PX - own_height;
    const y = clamp(isBeside ? at.y - own_height / 2 : above >= top ? above : at.y + AWAY_PX, top, bottom);
    element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    // From the icon to the nearest point of the picture.
    const to = { x: clamp(at.x, x, x + own_width), y: clamp(at.y, y, y + own_height) };
    line.style.width = `${Math.hypot(to.x - at.x, to.y - at.y)}px`;
    line.style.transform = `translate(${at.x - x}px, ${at.y - y}px) rotate(${Math.atan2(to.y - at.y, to.x - at.x)}rad)`;
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, Math.max(least, most)));
}
