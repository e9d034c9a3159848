import type { AssetDetail } from "../api";
import { h, setText } from "../dom";
import { t } from "../words";
import type { Camera, VideoApi } from "./api";
import type { Beside } from "./beside";
import type { Dock } from "./dock";
import { recordingsOfAsset } from "./recordings/address";
import { draggable } from "./wall";

/** On the card of whatever has pictures, a camera or what carries one: buttons for each, and what is seen of the ground. */
export class OnCard {
  readonly element: HTMLElement;
  private readonly actions = h("p", { class: "card-actions", hidden: true });
  private readonly said = h("p", { class: "quiet footprint-said", hidden: true });
  private id: number | null = null;
  private cameras: readonly Camera[] = [];

  /** @param onChange the cameras of the thing are known */
  constructor(
    private readonly api: VideoApi,
    private readonly dock: Dock,
    private readonly beside: Beside,
    private readonly onChange: () => void,
  ) {
    this.element = h("div", {}, this.actions, this.said);
  }

  /** The first camera that the thing carries. */
  get carried(): Camera | null {
    return this.cameras.find(({ carrier }) => carrier !== null && carrier === this.id) ?? null;
  }

  /** The card shows this thing; called each time its details were read. */
  tell(detail: AssetDetail): void {
    if (detail.id === this.id) return;
    this.id = detail.id;
    this.cameras = [];
    this.actions.hidden = true;
    void this.read(detail.id);
  }

  /** What is seen of the ground; empty: nothing is known of it. */
  say(text: string): void {
    setText(this.said, text);
    this.said.hidden = text === "";
  }

  private async read(id: number): Promise<void> {
    const cameras = await this.api.cameras(id).catch(() => null);
    if (this.id !== id) return;
    if (cameras === null) {
      this.id = null; // asked again with the next details
      return;
    }
    this.cameras = cameras;
    const kept = h("a", { class: "kept", href: recordingsOfAsset(id) }, t("录像"));
    this.actions.replaceChildren(...cameras.flatMap((camera) => this.buttons(camera, id, cameras.length > 1)), kept);
    this.actions.hidden = cameras.length === 0;
    this.onChange();
  }

  private buttons(camera: Camera, id: number, isNamed: boolean): HTMLElement[] {
    const watch = h("button", { type: "button", class: "see", onclick: () => this.dock.show([camera]) }, isNamed ? camera.name : t("看视频"));
    watch.title = camera.online ? t("也可拖到视频窗口的某一格") : t("摄像机离线，可能没有画面");
    const follow = h("button", { type: "button", class: "see follow", onclick: () => this.beside.open(camera, id) }, t("图上跟随"));
    follow.title = t("画面放在图标旁边，随它移动");
    for (const button of [watch, follow]) button.classList.toggle("offline", !camera.online);
    draggable(watch, () => camera);
    return [watch, follow];
  }
}
