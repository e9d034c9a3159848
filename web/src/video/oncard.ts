import type { AssetDetail } from "../api";
import { h } from "../dom";
import { t } from "../words";
import type { Camera, VideoApi } from "./api";
import type { Dock } from "./dock";
import { recordingsOfAsset } from "./recordings/address";
import { draggable } from "./wall";

const KIND = "camera";

/** On the card of a camera: a button for each of its pictures. */
export class OnCard {
  readonly element = h("p", { class: "card-actions", hidden: true });
  private id: number | null = null;

  constructor(
    private readonly api: VideoApi,
    private readonly dock: Dock,
  ) {}

  /** The card shows this thing; called each time its details were read. */
  tell(detail: AssetDetail): void {
    if (detail.id === this.id) return;
    this.id = detail.id;
    this.element.hidden = true;
    if (detail.kind === KIND) void this.read(detail.id);
  }

  private async read(id: number): Promise<void> {
    const cameras = await this.api.cameras(id).catch(() => null);
    if (this.id !== id) return;
    if (cameras === null) {
      this.id = null; // asked again with the next details
      return;
    }
    const kept = h("a", { class: "kept", href: recordingsOfAsset(id) }, t("录像"));
    this.element.replaceChildren(...cameras.map((camera) => this.button(camera)), kept);
    this.element.hidden = cameras.length === 0;
  }

  private button(camera: Camera): HTMLElement {
    const button = h("button", { type: "button", class: "watch", onclick: () => this.dock.show([camera]) }, t("看视频"));
    button.title = camera.online ? t("也可拖到视频窗口的某一格") : t("摄像机离线，可能没有画面");
    button.classList.toggle("offline", !camera.online);
    draggable(button, () => camera);
    return button;
  }
}
