import { h } from "../dom";
import type { Clock } from "../time";
import { t } from "../words";
import type { AnnotateApi, Mark } from "./api";
import { areaText, lengthText } from "./measure";
import type { Palette, Version, Whole } from "./records";

interface Handlers {
  onFly(): void;
  onEdit(): void;
  onMark(mark: Mark): void;
  onCopy(): void;
  onVersions(): void;
  /** Takes up what it was once, to be saved again. */
  onRecall(version: Version): void;
  onSource(id: number): void;
  onBack(): void;
}

/** What is told of one annotation, and what may be done to it. */
export function annotationCard(whole: Whole, palette: Palette, api: AnnotateApi, clock: Clock, isPast: boolean, handlers: Handlers): HTMLElement {
  const symbol = palette.symbols.find(({ key }) => key === whole.kind);
  const { may } = whole;
  const action = (name: string, title: string, onclick: () => void): HTMLElement => h("button", { type: "button", class: "tool", "data-action": name, onclick }, title);
  const facts: [string, string][] = [
    [t("所述时间"), clock.dayAndMinute(Date.parse(whole.happened_at))],
    [t("对应对象"), whole.subject?.title ?? t("无")],
    [t("标绘人"), whole.author?.name ?? "—"],
  ];
  if (whole.changed_by !== null && whole.changed_at !== undefined && whole.version > 1) facts.push([t("修改"), `${whole.changed_by.name} · ${clock.ago(Date.parse(whole.changed_at))}`]);
  if (whole.keywords.length > 0) facts.push([t("关键词"), whole.keywords.join(" · ")]);
  if (whole.length_m !== null) facts.push([whole.area_m2 === null ? t("长度") : t("周长"), lengthText(whole.length_m)]);
  if (whole.area_m2 !== null) facts.push([t("面积"), areaText(whole.area_m2)]);
  if (whole.organizations !== undefined && whole.organizations.length > 0) facts.push([t("共享给"), whole.organizations.map(({ name }) => name).join("、")]);
  const { source } = whole;
  return h(
    "article",
    { class: "annotate-card", "data-id": whole.id, "data-version": whole.version },
    h(
      "div",
      { class: "annotate-card-head" },
      h("button", { type: "button", class: "tool", "data-action": "back", onclick: () => handlers.onBack() }, "‹"),
      h("h3", {}, whole.title || symbol?.name || whole.kind),
      whole.locked ? h("span", { class: "mark", title: t("只有标绘人和管理员可以修改") }, t("已锁定")) : null,
      whole.hidden ? h("span", { class: "mark", title: t("只有标绘人和管理员看得到") }, t("已隐藏")) : null,
    ),
    h("p", { class: "quiet" }, symbol?.name ?? whole.kind),
    whole.text === "" ? null : h("p", { class: "words" }, whole.text),
    whole.photograph === null
      ? null
      : h("a", { class: "photo", href: api.photographAddress(whole.photograph, false), target: "_blank", rel: "noopener" }, h("img", { src: api.photographAddress(whole.photograph, true), alt: t("照片，点开看大图") })),
    h("dl", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    source === undefined ? null : h("button", { type: "button", class: "link", onclick: () => handlers.onSource(source.id) }, t("引用自“{title}”（{who}）", { title: source.title, who: source.author?.name ?? "—" })),
    h(
      "div",
      { class: "annotate-actions" },
      action("fly", t("定位"), () => handlers.onFly()),
      may.edit && !isPast ? action("edit", t("修改"), () => handlers.onEdit()) : null,
      palette.draws && !isPast ? action("copy", t("引用"), () => handlers.onCopy()) : null,
      may.manage && !isPast ? action("lock", whole.locked ? t("解锁") : t("锁定"), () => handlers.onMark(whole.locked ? "unlock" : "lock")) : null,
      may.manage && !isPast ? action("hide", whole.hidden ? t("取消隐藏") : t("隐藏"), () => handlers.onMark(whole.hidden ? "show" : "hide")) : null,
      may.manage && !isPast ? action("remove", t("删除"), () => handlers.onMark("remove")) : null,
      action("versions", t("历史"), () => handlers.onVersions()),
    ),
  );
}

/** What an annotation was, the newest first. */
export function versionList(versions: readonly Version[], clock: Clock, canRecall: boolean, handlers: Pick<Handlers, "onRecall">): HTMLElement {
  return h(
    "ol",
    { class: "annotate-versions", reversed: true },
    ...versions.map((version, i) =>
      h(
        "li",
        { "data-version": version.version },
        h("span", {}, t("第 {n} 版", { n: version.version })),
        h("span", {}, version.changed_by?.name ?? "—"),
        h("span", { class: "quiet" }, clock.dayAndMinute(Date.parse(version.from))),
        canRecall && i > 0 ? h("button", { type: "button", class: "tool", "data-action": "recall", onclick: () => handlers.onRecall(version) }, t("取回")) : null,
      ),
    ),
  );
}
