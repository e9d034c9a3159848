import { h } from "../../dom";
import { t } from "../../words";
import type { ChannelInfo } from "./api";

/** The cameras there are, with a search; a click opens one. */
export class ChannelList {
  readonly element: HTMLElement;
  private readonly list = h("ul", { class: "channels" });
  private readonly search = h("input", { type: "search", placeholder: t("找摄像机"), "aria-label": t("找摄像机"), oninput: () => this.show(this.current) });
  private channels: readonly ChannelInfo[] = [];
  private current: ChannelInfo | null = null;

  constructor(private readonly onOpen: (channel: ChannelInfo) => void) {
    this.element = h("nav", { class: "side channels-side", "aria-label": t("摄像机") }, this.search, this.list);
  }

  set(channels: readonly ChannelInfo[]): void {
    this.channels = channels;
    this.show(this.current);
  }

  /** Shows them, and which is open. */
  show(current: ChannelInfo | null): void {
    this.current = current;
    const query = this.search.value.trim();
    const shown = this.channels.filter(({ name, code, address }) => `${name} ${code} ${address}`.includes(query));
    this.list.replaceChildren(...shown.map((channel) => h("li", {}, this.row(channel))));
  }

  private row(channel: ChannelInfo): HTMLElement {
    const { id, name, owner, address, recording } = channel;
    return h(
      "button",
      { type: "button", "aria-current": id === this.current?.id ? "true" : undefined, onclick: () => this.onOpen(channel) },
      h("span", { class: recording ? "dot on" : "dot", title: recording ? t("正在录像") : "" }),
      h("span", { class: "name" }, name),
      h("span", { class: "quiet" }, owner || address),
    );
  }
}
