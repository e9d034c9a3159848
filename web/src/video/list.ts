import { h, setText } from "../dom";
import { t } from "../words";
import type { Camera } from "./api";
import { draggable } from "./wall";

/** All cameras by device, with a search; a click shows one, a drag puts it in a cell, a device is a group to tour. */
export class CameraList {
  readonly element: HTMLElement;
  private readonly search = h("input", { type: "search", placeholder: t("搜索摄像机"), "aria-label": t("搜索摄像机"), oninput: () => this.show() });
  private readonly only = h("input", { type: "checkbox", onchange: () => this.show() });
  private readonly count = h("p", { class: "quiet" });
  private readonly body = h("div", { class: "camera-groups" });
  private cameras: readonly Camera[] = [];

  /** @param onGroup the cameras that pass the search, or of the chosen device, are the tour's from now on */
  constructor(
    private readonly onCamera: (camera: Camera) => void,
    private readonly onGroup: (group: readonly Camera[]) => void,
  ) {
    this.element = h(
      "aside",
      { class: "camera-list" },
      this.search,
      h("label", { class: "quiet" }, this.only, t("只看在线")),
      this.count,
      this.body,
    );
  }

  set(cameras: readonly Camera[]): void {
    this.cameras = cameras;
    this.show();
  }

  fail(text: string): void {
    setText(this.count, text);
  }

  private show(): void {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.cameras.filter(
      (camera) =>
        (!this.only.checked || camera.online) &&
        [camera.name, camera.code, camera.address, camera.device].some((text) => text.toLowerCase().includes(wanted)),
    );
    const online = found.filter((camera) => camera.online).length;
    const none = this.cameras.length === 0 ? t("还没有摄像机。设备按国标注册后，会按设备列在这里。") : t("没有符合条件的摄像机。");
    setText(this.count, found.length === 0 ? none : t("{n} 路，在线 {online}", { n: found.length, online }));
    const groups = groupsOf(found);
    this.body.replaceChildren(...[...groups].map(([device, cameras]) => this.group(device, cameras, groups.size <= 6)));
    this.onGroup(found.filter((camera) => camera.online));
  }

  private group(device: string, cameras: readonly Camera[], isOpen: boolean): HTMLElement {
    const tour = h("button", { type: "button", class: "link", onclick: () => this.onGroup(cameras) }, t("设为轮巡组"));
    return h(
      "details",
      { open: isOpen },
      h("summary", {}, `${device} `, h("span", { class: "quiet" }, String(cameras.length))),
      cameras.length > 1 ? tour : null,
      h("ul", {}, ...cameras.map((camera) => this.row(camera))),
    );
  }

  private row(camera: Camera): HTMLElement {
    const row = h(
      "button",
      { type: "button", class: camera.online ? "camera" : "camera offline", title: camera.address, onclick: () => this.onCamera(camera) },
      h("span", { class: "dot", "aria-hidden": "true" }),
      camera.name,
      camera.online ? null : h("span", { class: "quiet" }, ` ${t("离线")}`),
    );
    draggable(row, () => camera);
    return h("li", {}, row);
  }
}

function groupsOf(cameras: readonly Camera[]): Map<string, Camera[]> {
  const groups = new Map<string, Camera[]>();
  for (const camera of cameras) {
    const group = groups.get(camera.device);
    if (group === undefined) groups.set(camera.device, [camera]);
    else group.push(camera);
  }
  return groups;
}
