import { h } from "../../dom";
import { t } from "../../words";

/** Whose recordings are looked at: the platform's, or those that the device keeps itself. */
export class Keepers {
  readonly element: HTMLElement;
  isOnDevice = false;
  private readonly platform = this.button(t("平台录像"), false);
  private readonly device = this.button(t("设备录像"), true);

  /** @param onChange the other ones are wanted */
  constructor(private readonly onChange: () => void) {
    this.element = h("div", { class: "keepers", role: "group", "aria-label": t("录像存放在哪里") }, this.platform, this.device);
  }

  /** @param canAsk whether the device of what is open can be asked for its own */
  show(canAsk: boolean): void {
    if (!canAsk) this.isOnDevice = false;
    this.device.disabled = !canAsk;
    this.device.title = canAsk ? "" : t("这路视频不是国标设备，不能查设备自己的录像。");
    this.platform.setAttribute("aria-pressed", String(!this.isOnDevice));
    this.device.setAttribute("aria-pressed", String(this.isOnDevice));
  }

  choose(isOnDevice: boolean): void {
    if (isOnDevice === this.isOnDevice) return;
    this.isOnDevice = isOnDevice;
    this.onChange();
  }

  private button(name: string, isOnDevice: boolean): HTMLButtonElement {
    return h("button", { type: "button", onclick: () => this.choose(isOnDevice) }, name);
  }
}
