import { h } from "../dom";
import { t } from "../words";
import type { Camera, VideoApi } from "./api";
import { Wall } from "./wall";

/** Pictures over the map: opened by the first camera, gone with the last. */
export class Dock {
  readonly element: HTMLElement;
  private readonly wall: Wall;

  /** @param onClose the last picture is gone */
  constructor(
    api: VideoApi,
    now: () => string,
    private readonly onClose: () => void,
  ) {
    this.wall = new Wall(api, now, 1, () => this.close());
    this.element = h(
      "section",
      { class: "panel dock", hidden: true, "aria-label": t("视频") },
      h(
        "div",
        { class: "dock-head" },
        h("strong", {}, t("视频")),
        this.wall.bar,
        h("a", { href: "/video/", class: "link" }, t("视频墙")),
        h("button", { type: "button", class: "close", "aria-label": t("关闭视频"), onclick: () => this.close() }, "×"),
      ),
      this.wall.element,
    );
  }

  /** Shows cameras, with as many cells as they need; the first is served first, where not all can be transcoded. */
  show(cameras: readonly Camera[]): void {
    this.element.hidden = false;
    const wanted = this.wall.shown.length + cameras.length;
    if (cameras.length > 1 && wanted > this.wall.size) this.wall.resize(wanted <= 4 ? 4 : wanted <= 9 ? 9 : 16);
    const [first, ...others] = cameras;
    if (first === undefined) return;
    this.wall.put(first);
    const served = this.wall.settled(first);
    for (const camera of others) this.wall.put(camera, served);
  }

  close(): void {
    this.wall.stop();
    this.element.hidden = true;
    this.onClose();
  }
}
