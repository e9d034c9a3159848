import { h } from "../dom";
import { ApiError } from "../api";
import { happened } from "../screen/happened";
import { t } from "../words";
import type { AnnotatorDeps } from "./annotator";
import { type Mark, StaleError } from "./api";
import { annotationCard, versionList } from "./card";
import { AnnotationForm } from "./form";
import { placeOf } from "./layers";
import type { AnnotatePane } from "./pane";
import { type Annotation, type Draft, type Palette, type Shape, type Version, type Whole, draftOf } from "./records";
import type { Store } from "./store";

interface Deps extends AnnotatorDeps {
  store: Store;
  pane: AnnotatePane;
  palette(): Palette | null;
  /** Gives a shape handles; null: takes them away. */
  edit(shape: Shape | null): void;
  /** Another annotation is there, or one is another. */
  changed(): void;
}

/** The one annotation that is looked at, or in hand. */
export class Single {
  private whole: Whole | null = null;
  private draft: Draft | null = null;
  private form: AnnotationForm | null = null;
  private isSaving = false;

  constructor(private readonly deps: Deps) {}

  /** Which one is looked at; null: none. */
  get id(): number | null {
    return this.whole?.id ?? null;
  }

  get isOpen(): boolean {
    return this.whole !== null;
  }

  /** Whether one is in hand and has a shape: clicks on the map move its points. */
  get isInHand(): boolean {
    return this.draft !== null && this.draft.shape !== null;
  }

  /** The symbol in hand; null: none. */
  get kindDrawn(): string | null {
    return this.draft?.kind ?? null;
  }

  /** The one in hand as the map draws it; null while it has no shape. */
  draftDrawn(): Annotation | null {
    const { draft } = this;
    if (draft === null || draft.shape === null) return null;
    const { id, shape, ...rest } = draft;
    return {
      ...rest, id: id ?? -1, shape, happened_at: "", length_m: null, area_m2: null, copied_from: null,
      locked: false, hidden: false, author: null, changed_by: null,
    };
  }

  /** A new one is in hand, without a shape yet. */
  begin(draft: Draft): void {
    this.whole = null;
    this.draft = draft;
  }

  /** The hand has drawn the shape of a new one. */
  drawn(shape: Shape): void {
    const { draft } = this;
    if (draft === null) return;
    draft.shape = shape;
    this.write(draft, draft.kind === "photograph" ? t("请选择照片，填好后保存。") : t("可拖动调整，填好后保存。"));
  }

  /** The shape in hand was changed by hand. */
  reshaped(shape: Shape): void {
    if (this.draft === null) return;
    this.draft.shape = shape;
    this.form?.shape(shape);
    this.deps.redraw();
  }

  /** Looks at one. */
  async look(id: number): Promise<void> {
    this.draft = this.form = null;
    const { api, store, notices } = this.deps;
    const then = store.find(id);
    try {
      // Of a past moment, what it was is known; what may be done to it is no matter.
      this.whole = store.isPast && then !== undefined ? { ...then, may: { edit: false, manage: false } } : await api.one(id);
    } catch (error) {
      if (error instanceof ApiError && error.isGone) store.drop(id);
      notices.note(error instanceof ApiError && error.isGone ? t("该标绘已删除，或不在您的数据范围内。") : happened(error));
      this.close();
      this.deps.changed();
      return;
    }
    this.card();
  }

  /** Somebody else changed one: what is looked at is shown as it is now. */
  told(annotation: Annotation): void {
    if (this.whole?.id === annotation.id && this.draft === null && annotation.version > this.whole.version) void this.look(annotation.id);
  }

  close(): void {
    const wasOpen = this.whole !== null || this.draft !== null;
    this.whole = this.draft = this.form = null;
    this.deps.pane.show(null);
    if (wasOpen) this.deps.changed();
  }

  private card(more: HTMLElement | null = null): void {
    const { whole } = this;
    const { api, clock, pane, store, fly } = this.deps;
    const palette = this.deps.palette();
    if (whole === null || palette === null) return;
    const handlers = {
      onFly: () => fly(...placeOf(whole)),
      onEdit: () => this.edit(draftOf(whole)),
      onMark: (mark: Mark) => void this.mark(whole, mark),
      onCopy: () => void this.copy(whole),
      onVersions: () => void this.versions(whole),
      onRecall: (version: Version) => this.edit({ ...draftOf(whole), ...recalled(version) }, t("这是第 {n} 版的内容，保存后成为新的一版。", { n: version.version })),
      onSource: (id: number) => void this.look(id),
      onBack: () => this.close(),
    };
    const card = annotationCard(whole, palette, api, clock, store.isPast, handlers);
    if (more !== null) card.append(more);
    pane.show(card);
    this.deps.redraw();
  }

  private edit(draft: Draft, hint = t("可拖动图上的点，改好后保存。")): void {
    this.draft = draft;
    this.write(draft, hint);
  }

  /** Shows the form of the one in hand. */
  private write(draft: Draft, hint: string): void {
    const palette = this.deps.palette();
    const symbol = palette?.symbols.find(({ key }) => key === draft.kind);
    if (palette === null || symbol === undefined) return;
    const form = (this.form = new AnnotationForm(palette, this.deps.api, this.deps.clock, {
      onShape: (shape) => {
        this.reshaped(shape);
        this.deps.edit(shape);
        this.deps.fly(...placeOf({ shape }));
      },
      onLook: () => this.deps.redraw(),
      onPhotograph: (file) => void this.photograph(draft, file),
      onSave: () => void this.save(),
      onCancel: () => this.cancel(),
    }));
    form.show(draft, symbol);
    form.say(hint);
    this.deps.pane.show(h("div", {}, h("h3", {}, draft.id === null ? symbol.name : t("修改“{title}”", { title: draft.title || symbol.name })), form.element));
    if (draft.shape !== null) this.deps.edit(draft.shape);
    form.focus();
    this.deps.redraw();
  }

  private cancel(): void {
    const { whole } = this;
    this.deps.edit(null);
    this.draft = this.form = null;
    if (whole === null) this.close();
    else this.card();
  }

  private async save(): Promise<void> {
    const { draft, form } = this;
    if (draft === null || draft.shape === null || form === null || this.isSaving) return;
    form.read();
    this.isSaving = true;
    try {
      const whole = await this.deps.api.save(draft);
      this.deps.store.put(whole);
      this.deps.edit(null);
      this.draft = this.form = null;
      this.whole = whole;
      this.deps.changed();
      this.card();
    } catch (error) {
      if (error instanceof StaleError) this.stale(draft, form, error);
      else form.say(happened(error), true);
    } finally {
      this.isSaving = false;
    }
  }

  /** Somebody else was quicker: their change, or mine over it, as the person says. */
  private stale(draft: Draft, form: AnnotationForm, error: StaleError): void {
    form.say(error.detail, true);
    const use = h("button", { type: "button", class: "tool", "data-action": "theirs", onclick: () => {
      this.deps.edit(null);
      void this.look(error.now.id);
    } }, t("看对方改的"));
    const mine = h("button", { type: "button", class: "tool", "data-action": "mine", onclick: () => {
      draft.version = error.now.version;
      choice.remove();
      void this.save();
    } }, t("仍按我的保存"));
    const choice = h("div", { class: "annotate-actions stale" }, use, mine);
    form.element.querySelector(".stale")?.remove();
    form.element.prepend(choice);
    form.element.prepend(form.element.querySelector(".hint") ?? choice);
  }

  private async mark(whole: Whole, mark: Mark): Promise<void> {
    const { api, store, notices } = this.deps;
    try {
      const done = await api.mark(whole, mark);
      if ("removed" in done) {
        store.drop(whole.id);
        notices.note(t("已删除“{title}”。时间轴上仍可看到它当时的样子。", { title: whole.title || whole.kind }));
        this.close();
      } else {
        store.put(done);
        this.whole = done;
        this.card();
      }
      this.deps.changed();
    } catch (error) {
      notices.note(happened(error));
      if (error instanceof StaleError) void this.look(whole.id);
    }
  }

  private async copy(whole: Whole): Promise<void> {
    const { api, store, notices } = this.deps;
    try {
      const copy = await api.copy(whole.id, this.deps.subject());
      store.put(copy);
      this.whole = copy;
      this.deps.changed();
      this.edit(draftOf(copy), t("已引用一份。可改对应对象、位置和说明，再保存。"));
    } catch (error) {
      notices.note(happened(error));
    }
  }

  private async versions(whole: Whole): Promise<void> {
    const { api, clock, notices, store } = this.deps;
    try {
      const versions = await api.versions(whole.id);
      if (this.whole?.id !== whole.id) return;
      const onRecall = (version: Version): void => this.edit({ ...draftOf(whole), ...recalled(version) }, t("这是第 {n} 版的内容，保存后成为新的一版。", { n: version.version }));
      this.card(versionList(versions, clock, whole.may.edit && !store.isPast, { onRecall }));
    } catch (error) {
      notices.note(happened(error));
    }
  }

  private async photograph(draft: Draft, file: File): Promise<void> {
    const { form } = this;
    form?.say(t("正在上传照片…"));
    try {
      const { id, place, taken_at } = await this.deps.api.sendPhotograph(file);
      if (this.draft !== draft || form === null) return;
      draft.photograph = id;
      draft.happened_at ??= taken_at;
      const symbol = this.deps.palette()?.symbols.find(({ key }) => key === draft.kind);
      if (symbol !== undefined) form.show(draft, symbol);
      form.say(t("照片已上传，位置等信息已从照片中去掉。"));
      if (place !== null && draft.shape?.type === "Point") this.offer(draft, form, [place.lon, place.lat]);
    } catch (error) {
      form?.say(happened(error), true);
    }
  }

  /** The camera said where it was: the sign may go there. */
  private offer(draft: Draft, form: AnnotationForm, place: [number, number]): void {
    form.say(t("照片里有拍摄位置。"));
    const move = h("button", { type: "button", class: "tool", "data-action": "to-photograph", onclick: () => {
      move.remove();
      const shape: Shape = { type: "Point", coordinates: place };
      draft.shape = shape;
      form.shape(shape);
      this.deps.edit(shape);
      this.deps.fly(...place);
      this.deps.redraw();
    } }, t("移到拍摄位置"));
    form.element.querySelector(".photo")?.after(move);
  }
}

function recalled({ kind, shape, title, text, keywords, colour, happened_at, subject, photograph }: Version): Partial<Draft> {
  return { kind, shape, title, text, keywords, colour, happened_at, subject, photograph };
}
