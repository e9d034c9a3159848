import type { VectorTileSource } from "maplibre-gl";
import { type Boot } from "../boot";
import { h, setText } from "../dom";
import { MapCanvas } from "../map/canvas";
import { listenToKeys } from "../map/keys";
import { languageForm, pageMenu } from "../pages";
import { Ground } from "../screen/ground";
import { happened } from "../screen/happened";
import { Clock } from "../time";
import { readTokens } from "../tokens";
import { t } from "../words";
import { type Action, type Area, type Draft, PlanApi } from "./api";
import { Asking } from "./asking";
import type { PlanBoot } from "./boot";
import { Drawing } from "./drawing";
import { Editor } from "./editor";
import { type Geometry, type Point, boundsOf, pointsOf } from "./geometry";
import { Importing } from "./importing";
import { Lists } from "./lists";
import { Overlay } from "./overlay";
import { Panel } from "./panel";
import { Tools } from "./tools";
import { draftOf, emptyFields, fieldsOf } from "./work";

const FORCE_EVERY_MS = 150;
const FORCE_TRIES = 60;
const SNAP_BOX_PX = 14;
const NEIGHBOUR_DEG = 0.001;
/** As in plan.css: everything stands one below the other. */
const ONE_COLUMN = "(max-width: 900px)";
const MOST_NEIGHBOURS = 20;

/** The planners' desk. */
export class PlanApp {
  private readonly api: PlanApi;
  private readonly clock: Clock;
  private readonly tokens = readTokens(document.documentElement);
  private readonly ground = h("main", { class: "ground", "aria-label": t("地图") });
  private readonly said = h("p", { class: "band said", role: "status", hidden: true });
  private readonly asking = new Asking();
  private readonly lists: Lists;
  private readonly tools: Tools;
  private readonly panel: Panel;
  private readonly importing: Importing;
  private canvas: MapCanvas | null = null;
  private editor: Editor | null = null;
  /** What is open: a stored draft, an area of which a change begins, or neither: a new one. */
  private draft: Draft | null = null;
  private area: Area | null = null;
  private isOpen = false;
  private isSolid = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly boot: PlanBoot,
  ) {
    this.api = new PlanApi(boot.urls.plan, boot.csrf);
    this.clock = new Clock(boot.language, boot.time_zone);
    this.lists = new Lists(this.api, boot.kinds, {
      onDraft: (id) => void this.leave(() => this.openDraft(id)),
      onArea: (id) => void this.leave(() => this.openArea(id)),
      onNew: () => void this.leave(async () => this.begin()),
      onImport: () => this.importing.open(),
      bounds: () => this.canvas?.view().bbox ?? null,
    });
    this.tools = new Tools((deed) => {
      if (deed.do === "solid") this.turn();
      else this.editor?.act(deed);
    });
    this.panel = new Panel(this.api, this.clock, boot, {
      onChange: (changed) => this.editor?.change(changed),
      onShape: (shape) => {
        this.editor?.take(shape);
        this.frame(shape);
      },
      onVersion: (version) => this.editor?.change({ ...fieldsOf(version), retire: false }),
      onCompare: (compared) => this.overlay?.compare(compared),
      onSpots: (spots) => this.overlay?.spots(spots),
      onSave: () => void this.save(),
      onAction: (action) => void this.act(action),
      onClose: () => void this.leave(async () => this.close()),
      onOpenArea: (id) => void this.leave(() => this.openArea(id)),
    });
    this.importing = new Importing(this.api, boot.kinds, boot.datums, {
      onShapes: (shapes) => this.land(shapes),
      onTaken: () => this.lists.turn("drafts"),
    });
    this.build();
  }

  private overlay: Overlay | null = null;
  private saving: Promise<boolean> | null = null;
  private isActing = false;

  async start(): Promise<void> {
    const edge = 40;
    const padding = { left: edge, right: edge, top: edge, bottom: edge };
    try {
      this.canvas = await MapCanvas.open(this.ground, this.boot as Boot, this.tokens, 1, padding, {
        onView: () => this.lists.moved(),
        onZoom: () => undefined,
        onPick: ({ x, y }) => this.pick(x, y),
        onPlaces: () => undefined,
        onTileProblem: (status) => this.say(t("底图读取失败：{what}。", { what: status === undefined ? t("服务器没有应答") : String(status) })),
      });
      // Streets, water and blocks are what one draws along; waits for the style, too.
      await Ground.lay(this.canvas, this.boot.urls.tiles, this.tokens, 1);
    } catch (error) {
      this.say(t("地图打不开：{what}", { what: String(error) }));
      return;
    }
    const { map } = this.canvas;
    const overlay = new Overlay(this.canvas, this.tokens);
    this.overlay = overlay;
    const drawing = new Drawing(map, this.tokens, {
      onDrawn: (tool, shape, figure) => this.editor?.drawn(tool, shape, figure),
      onEdited: (shape, figure) => this.editor?.edited(shape, figure),
      cornersNear: (x, y) => this.cornersNear(x, y),
    });
    this.editor = new Editor(
      this.api, drawing, overlay,
      { onChange: () => this.draw(), say: (text) => this.say(text), neighbours: (shape) => this.neighbours(shape) },
      emptyFields(""),
    );
    this.ground.append(this.editor.bar, this.importing.element);
    this.root.dataset.ready = "yes";
    this.draw();
  }

  private build(): void {
    const { user } = this.boot;
    this.root.replaceChildren(
      h(
        "header", { class: "head" },
        h("h1", {}, t("规划台")), h("span", { class: "quiet" }, this.boot.city),
        h("nav", { class: "head-links" }, h("span", { class: "quiet" }, user.name), pageMenu(this.boot, languageForm(this.boot))),
      ),
      this.lists.element,
      h("div", { class: "middle" }, this.tools.element, this.ground, this.said),
      this.panel.element,
      this.asking.dialog,
    );
    window.addEventListener("beforeunload", (event) => {
      if (this.editor?.isDirty) event.preventDefault();
    });
    listenToKeys({ close: () => this.editor?.tool && this.editor.act({ do: "draw", tool: this.editor.tool }), zoom: (way) => this.canvas?.step(way) });
    document.addEventListener("keydown", (event) => this.undoByKey(event));
  }

  private undoByKey(event: KeyboardEvent): void {
    const isWriting = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
    if (!(event.ctrlKey || event.metaKey) || isWriting) return;
    const key = event.key.toLowerCase();
    if (key === "s") void this.save();
    else if (key === "y" || (key === "z" && event.shiftKey)) this.editor?.act({ do: "redo" });
    else if (key === "z") this.editor?.act({ do: "undo" });
    else return;
    event.preventDefault();
  }

  /** Goes on only if nothing unsaved is lost by it. */
  private async leave(then: () => Promise<void>): Promise<void> {
    if (this.editor === null) return;
    if (this.editor.isDirty && (await this.asking.ask(t("有未保存的修改，放弃吗？"), t("放弃"))) === null) return;
    try {
      await then();
    } catch (error) {
      this.say(happened(error));
    }
  }

  private begin(): void {
    this.draft = this.area = null;
    this.isOpen = true;
    this.panel.turn("form");
    this.editor?.open(emptyFields(t("手工绘制")), true);
    this.lists.mark("");
  }

  private close(): void {
    this.draft = this.area = null;
    this.isOpen = false;
    this.editor?.open(emptyFields(""), false);
    this.lists.mark("");
  }

  private async openDraft(id: number): Promise<void> {
    this.show(await this.api.draft(id));
    if (this.draft !== null) this.reveal(this.draft.shape);
  }

  /** A change of an area begins, or its open draft is opened. */
  private async openArea(id: number): Promise<void> {
    const area = await this.api.area(id);
    if (area.draft != null) {
      await this.openDraft(area.draft).catch(() => this.look(area, false));
      return;
    }
    this.look(area, area.plans ?? false);
    this.reveal(area.shape);
  }

  private look(area: Area, canChange: boolean): void {
    this.draft = null;
    this.area = area;
    this.isOpen = true;
    this.editor?.open(fieldsOf(area), canChange);
    this.lists.mark(`area-${area.id}`);
  }

  private show(draft: Draft): void {
    this.draft = draft;
    this.area = null;
    this.isOpen = true;
    this.editor?.open(fieldsOf(draft), draft.actions.includes("change"));
    this.lists.mark(`draft-${draft.id}`);
  }

  /** Whoever clicks twice saves once: the second waits for the first. */
  private save(): Promise<boolean> {
    this.saving ??= this.keep().finally(() => {
      this.saving = null;
    });
    return this.saving;
  }

  private async keep(): Promise<boolean> {
    const { editor, draft } = this;
    if (editor === null || !editor.canChange) return false;
    const given = draftOf(editor.fields, draft?.area ?? this.area?.id ?? null, draft?.revision ?? 0);
    if (given === null) {
      this.say(t("请先在地图上画出图形，或输入坐标。"));
      return false;
    }
    try {
      const saved = await this.api.saveDraft(draft?.id ?? null, given);
      editor.kept();
      this.show(saved);
      this.say(t("草稿已保存。"));
      await this.lists.read();
      return true;
    } catch (error) {
      this.say(happened(error));
      return false;
    }
  }

  private async act(action: Action): Promise<void> {
    if (this.isActing) return;
    this.isActing = true;
    await this.perform(action).finally(() => {
      this.isActing = false;
    });
  }

  private async perform(action: Action): Promise<void> {
    if (this.editor?.isDirty && !(await this.save())) return;
    const { draft } = this;
    if (draft === null) return;
    const text = await this.confirm(action);
    if (text === null) return;
    try {
      const after = await this.api.act(draft, action, text, action === "approve");
      if (after.state === "discarded") this.close();
      else this.show(after);
      this.say(t("方案“{name}”：{state}", { name: after.name, state: after.state_name }));
      await this.lists.read();
      if (after.state === "active") await this.follow(after);
    } catch (error) {
      this.say(happened(error));
    }
  }

  private async confirm(action: Action): Promise<string | null> {
    switch (action) {
      case "return":
        return this.asking.ask(t("退回方案"), t("退回"), { label: t("退回原因"), isNeeded: true });
      case "approve":
        return this.asking.ask(t("批准后立即在实时流上生效。"), t("批准并生效"), { label: t("批准意见"), isNeeded: false });
      case "discard":
        return this.asking.ask(t("作废这个方案？"), t("作废"));
      default:
        return "";
    }
  }

  /** Says when every ingest process judges by it. */
  private async follow(draft: Draft): Promise<void> {
    this.refresh();
    for (let k = 0; k < FORCE_TRIES; k++) {
      const { in_force, after_s, workers } = await this.api.force(draft.id);
      if (in_force) {
        this.say(t("“{name}”已在实时流上生效，用时 {n} 秒。", { name: draft.name, n: after_s ?? 0 }));
        return;
      }
      if (workers === 0) {
        this.say(t("已保存为生效，但没有接入进程在运行：它们启动后即按此判断。"));
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, FORCE_EVERY_MS));
    }
    this.say(t("接入进程还没有按新区域判断，请到机房页查看。"));
  }

  /** The map's own picture of the areas is stale. */
  private refresh(): void {
    const source = this.canvas?.map.getSource<VectorTileSource>("areas");
    const tiles = source?.tiles;
    if (source && tiles) source.setTiles(tiles.map((address) => `${address.split("?")[0]}?at=${Date.now()}`));
  }

  private pick(x: number, y: number): void {
    if (this.editor === null || this.editor.tool !== null || this.isOpen) return;
    const [area] = this.canvas?.areasAt(x, y) ?? [];
    if (area !== undefined) void this.leave(() => this.openArea(area.id));
  }

  /** Corners of areas drawn near a place, pixels from the map's corner. */
  private cornersNear(x: number, y: number): Point[] {
    const box: [[number, number], [number, number]] = [[x - SNAP_BOX_PX, y - SNAP_BOX_PX], [x + SNAP_BOX_PX, y + SNAP_BOX_PX]];
    const found = this.canvas?.map.queryRenderedFeatures(box, { layers: ["area-lines"] }) ?? [];
    return found.flatMap(({ geometry }) => (geometry.type.endsWith("Polygon") ? pointsOf(geometry as Geometry) : []));
  }

  private async neighbours(shape: Geometry): Promise<Geometry[]> {
    const [west, south, east, north] = boundsOf(shape);
    const bbox = [west - NEIGHBOUR_DEG, south - NEIGHBOUR_DEG, east + NEIGHBOUR_DEG, north + NEIGHBOUR_DEG].join(",");
    const own = this.draft?.area ?? this.area?.id;
    const near = (await this.api.areas({ bbox })).areas.filter(({ id }) => id !== own).slice(0, MOST_NEIGHBOURS);
    return (await Promise.all(near.map(({ id }) => this.api.area(id)))).map((area) => area.shape);
  }

  /** Shows where a file would land. */
  private land(shapes: Geometry[] | null): void {
    this.overlay?.land(shapes ?? []);
    const points = (shapes ?? []).flatMap((shape) => pointsOf(shape));
    if (points.length > 0) this.frame({ type: "MultiPoint", coordinates: points });
  }

  /** Shows what was chosen in the list; on a phone the map is further down. */
  private reveal(shape: Geometry): void {
    this.frame(shape);
    if (matchMedia(ONE_COLUMN).matches) this.canvas?.map.getContainer().scrollIntoView({ block: "start" });
  }

  private frame(shape: Geometry): void {
    const [west, south, east, north] = boundsOf(shape);
    // What opens beside the map has just made it narrower: what is shown must fit into what is left.
    this.canvas?.map.resize();
    this.canvas?.map.fitBounds([[west, south], [east, north]], { padding: 80, maxZoom: 17, duration: 500 });
  }

  private turn(): void {
    this.isSolid = !this.isSolid;
    this.canvas?.map.easeTo({ pitch: this.isSolid ? 55 : 0, bearing: this.isSolid ? 20 : 0, duration: 500 });
    this.draw();
  }

  private draw(): void {
    const { editor } = this;
    if (editor === null) return;
    const hasShape = editor.fields.shape !== null;
    this.root.dataset.open = String(this.isOpen);
    this.tools.show({
      tool: editor.tool, canDraw: editor.canChange, hasShape,
      canUndo: editor.canChange && editor.canUndo, canRedo: editor.canChange && editor.canRedo, isSolid: this.isSolid,
    });
    this.panel.show(this.isOpen ? { draft: this.draft, area: this.area, editor } : null);
  }

  private say(text: string): void {
    setText(this.said, text);
    this.said.hidden = text === "";
  }
}
