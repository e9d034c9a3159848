import { type Boot, signIn } from "../boot";
import { h } from "../dom";
import { RefusedError } from "../screen/api";
import { happened } from "../screen/happened";
import { Clock } from "../time";
import { t } from "../words";
import { type Camera, VideoApi } from "./api";
import { CameraList } from "./list";
import { stamper } from "./stamp";
import { SIZES, Wall } from "./wall";

const READ_MS = 15_000;
const UNSEEN = 401;
/** A telephone shows one picture until it is asked for more. */
const NARROW_PX = 600;

/** The video wall: cameras on the left, pictures everywhere else. */
export class VideoApp {
  private readonly api: VideoApi;
  private readonly wall: Wall;
  private readonly list: CameraList;

  constructor(
    root: HTMLElement,
    private readonly boot: Boot,
  ) {
    this.api = new VideoApi(boot.urls.video, boot.csrf);
    const clock = new Clock(boot.language, boot.time_zone);
    this.wall = new Wall(this.api, stamper(clock, boot.time_zone), window.innerWidth < NARROW_PX ? 1 : 4);
    this.list = new CameraList(
      (camera) => this.wall.put(camera),
      (group) => this.wall.offer(group),
    );
    const fold = h("button", { type: "button", onclick: () => root.classList.toggle("listless") }, t("摄像机列表"));
    const links = h(
      "nav",
      {},
      h("a", { href: "/video/recordings/", class: "link" }, t("录像")),
      h("a", { href: "/video/findings/", class: "link" }, t("识别结果")),
      h("a", { href: "/", class: "link" }, t("回到地图")),
    );
    const head = h("header", { class: "video-head" }, h("h1", {}, t("视频墙")), fold, this.wall.bar, links);
    root.classList.add("video-page");
    root.replaceChildren(head, this.list.element, this.wall.element);
  }

  /** The address may name cameras to begin with: `/video/#12,15`. */
  async start(): Promise<void> {
    const cameras = await this.read();
    const wanted = new Set(window.location.hash.slice(1).split(",").map(Number));
    const first = cameras.filter(({ id }) => wanted.has(id));
    const size = SIZES.find((n) => n >= first.length) ?? SIZES[SIZES.length - 1];
    if (size !== undefined && size > this.wall.size) this.wall.resize(size);
    for (const camera of first) this.wall.put(camera);
    window.setInterval(() => void this.read(), READ_MS);
  }

  private async read(): Promise<readonly Camera[]> {
    try {
      const cameras = await this.api.cameras();
      this.list.set(cameras);
      return cameras;
    } catch (error) {
      if (error instanceof RefusedError && error.status === UNSEEN) signIn(this.boot.urls);
      this.list.fail(t("摄像机列表读取失败：{what}。", { what: happened(error) }));
      return [];
    }
  }
}
