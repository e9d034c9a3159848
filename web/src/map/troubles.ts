import type { SocketState } from "../live/socket";
import type { Clock } from "../time";
import { t } from "../words";
import type { Notices } from "./notices";

/** What a page with a map says when something is not as it should be: what happened, and what was kept. */
export class Troubles {
  private isGroundTold = false;

  constructor(
    private readonly notices: Notices,
    private readonly clock: Clock,
  ) {}

  /** While nothing comes the map stands still, and says since when. */
  connection({ phase, since }: SocketState): void {
    const time = this.clock.time(this.clock.fromLocal(since));
    this.notices.band(phase === "broken" ? t("连接已断开：图上停在 {time}，恢复后自动补齐。", { time }) : null);
  }

  rights(): void {
    this.notices.note(t("您的数据范围已变更，正在重新读取。"));
  }

  frame(what: string): void {
    this.notices.note(t("有一帧实时数据无法读取，已略过：{what}。", { what }));
  }

  /** A tile was not there; said once, for there are many. */
  ground(status: number | undefined): void {
    if (this.isGroundTold) return;
    this.isGroundTold = true;
    const what = status === undefined ? t("服务器没有应答") : t("服务器返回 {status}", { status });
    this.notices.note(t("底图读取失败：{what}。对象仍在实时更新。", { what }));
  }

  drawing(error: unknown): void {
    const what = error instanceof Error ? error.message : String(error);
    this.notices.band(t("地图无法绘制：{what}。请确认浏览器支持 WebGL 2 并已开启硬件加速，然后刷新页面。", { what }));
  }
}
