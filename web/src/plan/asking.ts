import { h, setText } from "../dom";
import { t } from "../words";

/** A sheet that asks for a yes, with or without a reason. */
export class Asking {
  readonly dialog: HTMLDialogElement;
  private readonly title = h("h2", {});
  private readonly field: HTMLElement;
  private readonly label = h("span", {});
  private readonly input = h("textarea", { name: "reason", rows: 3, maxlength: 2000 });
  private readonly yes = h("button", { type: "submit", class: "strong" });
  private answer: ((text: string | null) => void) | null = null;
  private isNeeded = false;

  constructor() {
    this.field = h("label", { class: "field" }, this.label, this.input);
    const no = h("button", { type: "button", onclick: () => this.dialog.close() }, t("取消"));
    const form = h("form", { onsubmit: (event) => this.give(event) }, this.title, this.field, h("div", { class: "foot" }, no, this.yes));
    this.dialog = h("dialog", { class: "sheet", onclose: () => this.settle(null) }, form);
  }

  /**
   * Asks.
   *
   * @param reason label of the reason; undefined: none is asked for
   * @returns the reason (empty where none is asked for), or null: no
   */
  ask(title: string, yes: string, reason?: { label: string; isNeeded: boolean }): Promise<string | null> {
    setText(this.title, title);
    setText(this.yes, yes);
    setText(this.label, reason?.label ?? "");
    this.field.hidden = reason === undefined;
    this.isNeeded = reason?.isNeeded ?? false;
    this.input.value = "";
    this.dialog.showModal();
    return new Promise((resolve) => {
      this.answer = resolve;
    });
  }

  private give(event: Event): void {
    event.preventDefault();
    const text = this.input.value.trim();
    if (this.isNeeded && text === "") {
      this.input.focus();
      return;
    }
    this.settle(text);
    this.dialog.close();
  }

  private settle(text: string | null): void {
    this.answer?.(text);
    this.answer = null;
  }
}
