"""Glass to glass: Chromium shows a camera whose picture is a clock, and the page reads it off its own screen."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

from bench._report import progress

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-background-networking"]
SAMPLES, FIRST_S, GAP_MS = 100, 20.0, 60
# Reads 32 macroblocks of 16 pixels, the highest bit first, that stand at the end of the picture's rows.
READ = """() => {
  const video = document.querySelector("video");
  if (!video || !video.videoWidth) return null;
  const canvas = document.createElement("canvas");
  const across = video.videoWidth / 16, all = across * (video.videoHeight / 16);
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const now = Date.now();
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  let shown = 0;
  for (let bit = 31; bit >= 0; bit--) {
    const block = all - 1 - bit;
    const x = (block % across) * 16 + 8, y = Math.floor(block / across) * 16 + 8;
    shown = shown * 2 + (pixels[(y * canvas.width + x) * 4] > 128 ? 1 : 0);
  }
  return (now % 4294967296) - shown;
}"""


def glass_to_glass(channel: int, user: int) -> float | None:
    """Median delay in milliseconds from the camera's clock to the screen; None where there is no browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    program = next((path for path in CHROMIUM if Path(path).exists()), None)
    if program is None:
        progress("no Chromium here: glass to glass is left out")
        return None
    base, cookie = _session(user)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=ARGUMENTS)
        context = browser.new_context()
        context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": base}])
        page = context.new_page()
        page.goto(f"{base}/video/#{channel}")
        delays = _read(page)
        browser.close()
    return round(statistics.median(delays), 1) if delays else None


def _read(page: Any) -> list[float]:
    until = time.monotonic() + FIRST_S
    while page.evaluate(READ) is None and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(3)  # what was there before the viewer came has been caught up with
    delays = []
    for _ in range(SAMPLES):
        if (delay := page.evaluate(READ)) is not None:
            delays.append(delay)
        time.sleep(GAP_MS / 1000)
    return delays


def _session(user: int) -> tuple[str, tuple[str, str]]:
    """Where the pages are, and a cookie that opens them."""
    from django.conf import settings
    from django.test import Client

    from access.models import User

    client = Client()
    client.force_login(User.objects.get(pk=user))
    name = settings.SESSION_COOKIE_NAME
    ports = json.loads((Path(settings.VAR_DIR) / "installation.json").read_text(encoding="utf-8"))["ports"]
    return f"http://127.0.0.1:{ports['web']}", (name, client.cookies[name].value)
