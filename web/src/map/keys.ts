interface KeyHandlers {
  /** Esc. */
  close(): void;
  /** `+` and `-`. */
  zoom(direction: 1 | -1): void;
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
}

/** Keys that hold wherever the focus is on the page. */
export function listenToKeys(handlers: KeyHandlers): void {
  // Before the map hears them: it has the same keys while it has the focus, and would go two steps.
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      if (event.key === "Escape") handlers.close();
      else if (event.key === "+" || event.key === "=") handlers.zoom(1);
      else if (event.key === "-" || event.key === "_") handlers.zoom(-1);
      else return;
      event.stopPropagation();
    },
    { capture: true },
  );
}
