import { h, setText } from "../dom";
import { t } from "../words";

/** A sheet that asks for a name, or for a yes. */
export class Prompt {
  readonly dialog: HTMLDialogElement;
  private readonly title = h("h2", {});
  private readonly field: HTMLElement;
  private readonly input = h("input", { name: "answer", maxlength: 60, autocomplete: "off" });
  private readonly yes = h("button", { type: "submit", class: "strong" });
  private answer: ((text: string) => void) | null = null;

  constructor() {
    this.field = h("label", { class: "field" }, t("名称"), this.input);
    this.dialog = h(
      "dialog",
      { class: "sheet", onclose: () => (this.answer = null) },
      h(
        "form",
        {
          onsubmit: (event) => {
            event.preventDefault();
            this.give();
          },
        },
        this.title,
        this.field,
        h("div", { class: "sheet-foot" }, h("button", { type: "button", class: "flat", onclick: () => this.dialog.close() }, t("取消")), this.yes),
      ),
    );
  }

  name(title: string, present: string, then: (name: string) => void): void {
    this.field.hidden = false;
    this.input.value = present;
    this.open(title, t("保存"), then);
  }

  confirm(title: string, then: () => void): void {
    this.field.hidden = true;
    this.open(title, t("删除"), then);
  }

  private open(title: string, yes: string, then: (text: string) => void): void {
    setText(this.title, title);
    setText(this.yes, yes);
    this.answer = then;
    this.dialog.showModal();
  }

  private give(): void {
    const text = this.input.value.trim();
    if (!this.field.hidden && text === "") return;
    this.answer?.(text);
    this.dialog.close();
  }
}
