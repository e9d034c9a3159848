interface TimeKeys {
  isPast(): boolean;
  /** Space. */
  toggle(): void;
  /** ← and →. */
  step(direction: 1 | -1): void;
}

/** What has its own use for Space or for the arrows while it has the focus. */
const TAKES_SPACE = "button, a, summary, select, textarea, input:not([type=range])";
const TAKES_ARROWS = "select, textarea, input:not([type=range]):not([type=checkbox]), [role=listbox]";

/** Keys of the time machine; the map has the arrows while the present is shown, the time machine in the past. */
export function listenToTimeKeys(keys: TimeKeys): void {
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      const target = event.target instanceof Element ? event.target : document.body;
      const isOnSlider = target.matches(".past-slider");
      if (!keys.isPast() && !isOnSlider) return;
      if (event.key === " " && keys.isPast() && !target.matches(TAKES_SPACE)) keys.toggle();
      else if (event.key === "ArrowLeft" && !target.matches(TAKES_ARROWS)) keys.step(-1);
      else if (event.key === "ArrowRight" && !target.matches(TAKES_ARROWS)) keys.step(1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    { capture: true },
  );
}
