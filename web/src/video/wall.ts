import { h, setText } from "../dom";
import { t } from "../words";
import type { Camera, VideoApi } from "./api";
import { Player } from "./player";

export const SIZES = [1, 4, 9, 16] as const;
/** What a dragged camera is carried as. */
export const CARRIED = "application/x-sandtable-camera";
const TOUR_MS = 15_000;

interface Cell {
  element: HTMLElement;
  player: Player | null;
}

/** Makes something a camera can be pulled by. */
export function draggable(element: HTMLElement, camera: () => Camera | null): void {
  element.draggable = true;
  element.addEventListener("dragstart", (event) => {
    const carried = camera();
    if (carried === null) event.preventDefault();
    else event.dataTransfer?.setData(CARRIED, JSON.stringify(carried));
  });
}

/** One, four, nine or sixteen pictures; cameras are put in, dragged in, or pass through on a tour. */
export class Wall {
  readonly element = h("div", { class: "wall" });
  readonly bar: HTMLElement;
  private readonly grid = h("div", { class: "wall-grid" });
  private readonly tourButton = h("button", { type: "button", hidden: true, onclick: () => this.toggleTour() }, t("轮巡"));
  private readonly tourText = h("span", { class: "quiet" });
  private readonly sizes: HTMLElement[];
  private cells: Cell[] = [];
  private chosen = 0;
  private tour: { timer: number; at: number } | null = null;
  private group: readonly Camera[] = [];

  /**
   * @param now the city's time as text, for what is burnt into pictures
   * @param onEmpty the last picture was closed
   */
  constructor(
    private readonly api: VideoApi,
    private readonly now: () => string,
    size: number,
    private readonly onEmpty: () => void = () => undefined,
  ) {
    this.sizes = SIZES.map((n) =>
      h("button", { type: "button", "data-size": String(n), onclick: () => this.resize(n) }, t("{n} 画面", { n })),
    );
    this.bar = h(
      "div",
      { class: "wall-bar" },
      ...this.sizes,
      this.tourButton,
      this.tourText,
      h("button", { type: "button", onclick: () => void this.element.requestFullscreen().catch(() => undefined) }, t("整墙全屏")),
    );
    this.element.append(this.grid);
    this.resize(size);
  }

  get size(): number {
    return this.cells.length;
  }

  /** Cameras that are shown now. */
  get shown(): Camera[] {
    return this.cells.flatMap(({ player }) => (player === null ? [] : [player.camera]));
  }

  /** Shows so many; what no longer has a place is closed. */
  resize(size: number): void {
    while (this.cells.length > size) {
      const cell = this.cells.pop();
      cell?.player?.stop();
      cell?.element.remove();
    }
    while (this.cells.length < size) this.cells.push(this.newCell());
    this.grid.dataset.size = String(size);
    for (const button of this.sizes) button.setAttribute("aria-pressed", String(button.dataset.size === String(size)));
    this.choose(Math.min(this.chosen, size - 1));
  }

  /**
   * Shows a camera: where it is already, in the chosen cell where that is empty, else in the first empty one, else in the chosen.
   *
   * @param after what it waits for before it asks for its picture
   */
  put(camera: Camera, after?: Promise<void>): void {
    const there = this.cells.findIndex(({ player }) => player?.camera.id === camera.id);
    if (there >= 0) {
      this.choose(there);
      return;
    }
    const empty = this.cells[this.chosen]?.player == null ? this.chosen : this.cells.findIndex(({ player }) => player === null);
    this.place(camera, empty >= 0 ? empty : this.chosen, after);
  }

  /** A camera's picture comes, or is refused; at once where it is not shown. */
  async settled(camera: Camera): Promise<void> {
    await this.cells.find(({ player }) => player?.camera.id === camera.id)?.player?.settled;
  }

  /** Who passes through on a tour. */
  offer(group: readonly Camera[]): void {
    this.group = group;
    this.tourButton.hidden = group.length <= 1;
    if (this.tourButton.hidden) this.endTour();
  }

  stop(): void {
    this.endTour();
    for (const cell of this.cells) this.empty(cell);
  }

  private place(camera: Camera, at: number, after?: Promise<void>): void {
    const cell = this.cells[at];
    if (cell === undefined) return;
    cell.player?.stop();
    const close = () => {
      this.empty(cell);
      if (this.shown.length === 0) this.onEmpty();
    };
    cell.player = new Player(this.api, camera, this.now, close, [], after);
    cell.element.append(cell.player.element);
    this.choose(at);
  }

  private empty(cell: Cell): void {
    cell.player?.stop();
    cell.player = null;
  }

  private choose(at: number): void {
    this.chosen = Math.max(0, at);
    this.cells.forEach(({ element }, i) => element.classList.toggle("chosen", i === this.chosen && this.cells.length > 1));
  }

  private newCell(): Cell {
    const element = h("div", { class: "cell" }, h("p", { class: "quiet" }, t("把摄像机拖到这里，或在列表中点选")));
    const cell: Cell = { element, player: null };
    element.addEventListener("pointerdown", () => this.choose(this.cells.indexOf(cell)));
    element.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes(CARRIED)) event.preventDefault();
    });
    element.addEventListener("drop", (event) => {
      const carried = event.dataTransfer?.getData(CARRIED);
      if (!carried) return;
      event.preventDefault();
      this.endTour();
      this.place(JSON.parse(carried) as Camera, this.cells.indexOf(cell));
    });
    this.grid.append(element);
    return cell;
  }

  private toggleTour(): void {
    if (this.tour === null) {
      this.tour = { timer: window.setInterval(() => this.next(), TOUR_MS), at: 0 };
      this.next();
    } else this.endTour();
    this.tourButton.setAttribute("aria-pressed", String(this.tour !== null));
  }

  private endTour(): void {
    if (this.tour !== null) window.clearInterval(this.tour.timer);
    this.tour = null;
    this.tourButton.setAttribute("aria-pressed", "false");
    setText(this.tourText, "");
  }

  /** The next ones of the group, as many as there are cells. */
  private next(): void {
    if (this.tour === null || this.group.length === 0) return;
    const begin = this.tour.at % this.group.length;
    const count = Math.min(this.cells.length, this.group.length);
    for (let i = 0; i < count; i++) {
      const camera = this.group[(begin + i) % this.group.length];
      if (camera !== undefined && this.cells[i]?.player?.camera.id !== camera.id) this.place(camera, i);
    }
    setText(this.tourText, t("第 {a}–{b} 路，共 {n} 路", { a: begin + 1, b: ((begin + count - 1) % this.group.length) + 1, n: this.group.length }));
    this.tour.at = (begin + count) % this.group.length;
  }
}
