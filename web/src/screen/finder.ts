import { h } from "../dom";
import { t } from "../words";
import type { Found, ScreenApi } from "./api";
import { happened } from "./happened";

const WAIT_MS = 180;
const MOST_SHOWN = 12;

/** The search box: names, codes and pinyin; `/` leads to it, arrows choose, Enter flies there. */
export class Finder {
  readonly element: HTMLElement;
  private readonly input = h("input", {
    type: "search", class: "finder-input", maxlength: 64, autocomplete: "off", spellcheck: "false",
    role: "combobox", "aria-expanded": "false", "aria-controls": "finder-list", "aria-label": t("搜索"),
    placeholder: t("搜索名称、编号、拼音"),
  });
  private readonly list = h("ul", { class: "finder-list", id: "finder-list", role: "listbox", hidden: true });
  private found: Found[] = [];
  private chosen = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private reading = new AbortController();

  /** @param onPick called with what was chosen */
  constructor(
    private readonly api: ScreenApi,
    private readonly onPick: (found: Found) => void,
  ) {
    this.input.addEventListener("input", () => this.ask());
    this.input.addEventListener("focus", () => this.open(this.input.value !== ""));
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => this.open(false));
    this.element = h("div", { class: "finder", role: "search" }, this.input, h("kbd", { "aria-hidden": "true" }, "/"), this.list);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || (event.target as Element).matches("input, textarea, select")) return;
      event.preventDefault();
      this.input.focus();
      this.input.select();
    });
  }

  private key(event: KeyboardEvent): void {
    // While an input method composes, Enter and arrows belong to it.
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const { length } = this.found;
      if (length > 0) this.chosen = (this.chosen + (event.key === "ArrowDown" ? 1 : length - 1)) % length;
      this.draw();
    } else if (event.key === "Enter") {
      const found = this.found[this.chosen];
      if (found === undefined) return;
      this.pick(found);
    } else if (event.key === "Escape") {
      this.input.value = "";
      this.input.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private ask(): void {
    clearTimeout(this.timer);
    this.reading.abort();
    const query = this.input.value.trim();
    if (query === "") {
      this.found = [];
      this.open(false);
      return;
    }
    this.timer = setTimeout(() => void this.read(query), WAIT_MS);
  }

  private async read(query: string): Promise<void> {
    this.reading = new AbortController();
    const { signal } = this.reading;
    try {
      const { results } = await this.api.search(query, signal);
      this.found = results.slice(0, MOST_SHOWN);
      this.chosen = 0;
      this.draw();
      if (results.length === 0) this.say(t("没有找到“{query}”。可试试编号、名称的一部分或拼音首字母。", { query }));
    } catch (error) {
      if (signal.aborted) return;
      this.found = [];
      this.say(t("搜索失败：{what}。", { what: happened(error) }));
    }
    this.open(document.activeElement === this.input);
  }

  private pick(found: Found): void {
    this.input.blur();
    this.onPick(found);
  }

  private say(text: string): void {
    this.list.replaceChildren(h("li", { class: "finder-none" }, text));
  }

  private draw(): void {
    this.list.replaceChildren(
      ...this.found.map((found, i) =>
        h(
          "li",
          {
            class: "finder-row", role: "option", id: `found-${i}`, "aria-selected": String(i === this.chosen),
            // Before the box loses the focus, and with it the list.
            onmousedown: (event) => {
              event.preventDefault();
              this.pick(found);
            },
          },
          h("strong", {}, found.title),
          h("span", { class: "quiet" }, found.subtitle),
        ),
      ),
    );
    this.input.setAttribute("aria-activedescendant", this.found.length > 0 ? `found-${this.chosen}` : "");
  }

  private open(isOpen: boolean): void {
    this.list.hidden = !isOpen || this.list.childElementCount === 0;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
  }
}
