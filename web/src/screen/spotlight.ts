import { h } from "../dom";
import { ALL_LOOKS } from "../live/sieve";
import { type Look, LOOKS } from "../live/store";
import type { Emphasis } from "../map/picture";
import { t } from "../words";
import type { LayerInfo, Value } from "./layerinfo";

/** What a number counts, so that the map can show where it is. */
export type Target = { key: string; title: string } & (
  | { type: "things"; kinds: ReadonlySet<number>; look: Look | null }
  /** Things with an alert that nobody has acknowledged. */
  | { type: "alerting" }
  | { type: "features"; layer: LayerInfo; field: string | null; value: Value | null }
);

/** What a layer counts, or the part of it that has this value of a field. */
export function targetOf(layer: LayerInfo, title: string, field: string | null = null, value: Value | null = null): Target {
  const key = `${layer.id}/${field ?? ""}/${String(value ?? "")}`;
  if (layer.source.type !== "live") return { type: "features", key, title, layer, field, value };
  const look = typeof value === "number" ? (LOOKS[value] ?? null) : value === "silent" ? "silent" : null;
  return { type: "things", key, title, kinds: new Set([layer.source.code]), look };
}

/** A number that is chosen to see where what it counts is; chosen again, no more. */
export function spotButton(target: Target, name: string, onPick: (target: Target) => void, ...children: Node[]): HTMLButtonElement {
  return h(
    "button",
    {
      type: "button", class: name, "data-spot": target.key, "aria-pressed": "false",
      title: t("在图上突出显示：{name}", { name: target.title }),
      onclick: (event) => {
        // In a label the click would switch the layer, too.
        event.preventDefault();
        onPick(target);
      },
    },
    ...children,
  );
}

/** The number that was chosen. */
export class Spotlight {
  /** Names what stands out and takes it back. */
  readonly chip: HTMLElement;
  target: Target | null = null;
  private alerting: ReadonlySet<number> = new Set();

  /**
   * @param root where the numbers are
   * @param onChange called when something else stands out
   */
  constructor(
    private readonly root: HTMLElement,
    private readonly onChange: (target: Target | null) => void,
  ) {
    this.chip = h("button", { type: "button", class: "focus spot", title: "Esc", hidden: true, onclick: () => this.clear() });
  }

  /** Lets what a number counts stand out; again: no more. */
  pick(target: Target): void {
    this.show(target.key === this.target?.key ? null : target);
  }

  clear(): void {
    if (this.target !== null) this.show(null);
  }

  /** @param ids things with an alert that nobody has acknowledged */
  alert(ids: ReadonlySet<number>): void {
    this.alerting = ids;
    if (this.target?.type === "alerting") this.onChange(this.target);
  }

  /** What that means for the moving things. */
  emphasis(): Emphasis | null {
    const { target } = this;
    if (target === null) return null;
    switch (target.type) {
      case "alerting":
        return { looks: () => ALL_LOOKS, ids: this.alerting };
      case "features":
        return { looks: () => 0, ids: null };
      case "things": {
        const looks = target.look === null ? ALL_LOOKS : 1 << LOOKS.indexOf(target.look);
        return { looks: (kind) => (target.kinds.has(kind) ? looks : 0), ids: null };
      }
    }
  }

  private show(target: Target | null): void {
    this.target = target;
    this.chip.hidden = target === null;
    this.chip.textContent = target === null ? "" : `◎ ${target.title} ×`;
    for (const button of this.root.querySelectorAll<HTMLElement>("[data-spot]")) {
      button.setAttribute("aria-pressed", String(button.dataset.spot === target?.key));
    }
    this.onChange(target);
  }
}
