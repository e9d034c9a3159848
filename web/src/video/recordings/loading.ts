import { h, setText } from "../../dom";
import { happened } from "../../screen/happened";
import { t } from "../../words";
import type { DevicePast } from "./device";

const ASK_MS = 1000;
const MIB = 1 << 20;

/** Has a stretch loaded down from its device and says how far it is; ends with a link to the file. */
export async function loadDown(past: DevicePast, channel: number, from: number, to: number, said: HTMLElement): Promise<void> {
  setText(said, t("正在向设备要录像…"));
  try {
    let told = await past.download(channel, from, to);
    const { key } = told;
    while (told.state === "loading") {
      const share = Math.min(99, Math.floor((told.seconds / told.length_s) * 100));
      setText(said, t("设备正在发送：{n}%，已收 {size} MB", { n: share, size: (told.size / MIB).toFixed(1) }));
      await new Promise((done) => window.setTimeout(done, ASK_MS));
      // Another stretch was asked for, or the page shows something else.
      if (!said.isConnected) return;
      told = await past.downloadState(key);
    }
    if (told.state === "failed") {
      setText(said, t("没有办成：{what}", { what: told.why || t("设备没有发来画面") }));
      return;
    }
    const size = (told.size / MIB).toFixed(1);
    const isShort = told.seconds < told.length_s - 2;
    said.replaceChildren(
      ...(isShort ? [h("span", { class: "warn" }, t("设备只发来 {n} 秒。", { n: Math.round(told.seconds) }))] : []),
      h("a", { href: past.file(key), class: "action main", download: true }, t("下载（{size} MB）", { size })),
    );
  } catch (error) {
    setText(said, t("没有办成：{what}", { what: happened(error) }));
  }
}
