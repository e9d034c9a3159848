"""The real Chromium in which tests look at pages; it draws by software, which is dear."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Each window gets lists below an address bar that nobody sees, pages of their own: a second of work for every window.
# The last such argument counts alone, so what Playwright turns off is named here, too.
WITHOUT_FEATURES = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
    "AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay", "MediaRouter",
    "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)  # fmt: skip
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    # Half of what a map costs is translating its shaders: once, when they are used, and kept for the next page.
    "--disable-angle-features=warmUpPipelineCacheAtLink",
    "--enable-angle-features=preferGlobalPipelineCache",
    f"--disable-features={','.join(WITHOUT_FEATURES)}",
]
# Smooth edges, and every pixel, are dear to draw by software, and only people who look at pictures see them. The page
# around the map is drawn twice as fast by the processor itself, which leaves holes in a map beneath moving pictures.
ROUGHLY = ["--webgl-antialiasing-mode=none", "--disable-gpu-compositing"]
# A map asks for its next frame whether or not anything moved; to prepare one costs more than to draw nothing in it.
SLOW_FRAMES = """(() => {
  const next = window.requestAnimationFrame.bind(window);
  const waiting = new Map();
  let last = 0;
  const draw = (now) => {
    const due = [...waiting.values()];
    waiting.clear();
    for (const each of due) each(now);
  };
  window.requestAnimationFrame = (callback) => {
    if (waiting.size === 0) setTimeout(() => next(draw), 250);
    waiting.set(++last, callback);
    return last;
  };
  window.cancelAnimationFrame = (id) => void waiting.delete(id);
})();"""


def launch(playwright: Any, roughly: bool = True) -> Any:
    """Start the machine's own Chromium; ``roughly`` where nobody looks at the pictures."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert program, "no Chromium: ./sandtable test installs it"
    return playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, *(ROUGHLY if roughly else [])])


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of a test's own. While it is open its event loop runs in this thread: the database cannot be asked."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()
