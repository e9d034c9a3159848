"""A camera signs in, stands on the map, is clicked, and its picture plays; it is moved, and given back; what was
recorded of it is played from a second chosen on the timeline. H.265 plays, too, where the browser cannot decode it, as
far as the limit goes. Another one drives, which its icon follows, and gives alarm, which opens its picture."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bench._glass import READ
from tests.acceptance.conftest import ROOT, SIZES, Screen, Stack, wait_for
from tests.acceptance.test_map import card_is_open, look, open_by_click

PEOPLE = """
import json
from access.models import Grant, User
user, _ = User.objects.get_or_create(username="video-duty")
Grant.objects.get_or_create(user=user, role="city")
print(json.dumps(None))
"""
CAMERA = """
import json
from media.models import Channel
row = Channel.objects.filter(device__code="{device}", online=True, asset__state__isnull=False).first()
state = row and row.asset.state
print(json.dumps(row and dict(asset=row.asset_id, lon=state.lon, lat=state.lat, heading=state.heading_deg)))
"""
RECORDS = """
import json
from access.models import AuditRecord
rows = AuditRecord.objects.filter(actor__username="video-duty", action__in=["watch", "watch_ended", "steer"])
print(json.dumps(sorted(rows.values_list("action", flat=True))))
"""
# Of recordings that the platform keeps, each look is in the ledger, too, and has no end.
WATCHING = """
import json
from access.models import AuditRecord
rows = AuditRecord.objects.filter(actor__username="video-duty")
begun = rows.filter(action="watch", detail__has_key="session").count()
print(json.dumps(begun - rows.filter(action="watch_ended").count()))
"""
RECORD = """
import json
from media.models import Channel
from media.recordings.store import order
order(Channel.objects.get(asset={asset}), "验收", None)
print(json.dumps(None))
"""
RECORDED = """
import json
from media.recordings.models import RecordingSegment
rows = RecordingSegment.objects.filter(channel__asset={asset}, size_bytes__gt=0)
print(json.dumps(sum((row.ends_at - row.starts_at).total_seconds() for row in rows)))
"""
# The first of a device's cameras: it is the one that moves and gives alarm.
MOVER = """
import json
from media.models import Channel
row = Channel.objects.filter(device__code="{device}").order_by("code").first()
state = row and row.asset and getattr(row.asset, "state", None)
print(json.dumps(state and dict(asset=row.asset_id, lon=state.lon, lat=state.lat)))
"""
FOLLOW = """
import json
from media.models import VideoDevice
device = VideoDevice.objects.get(code="{device}")
device.follow_position = True
device.save()
print(json.dumps(None))
"""
ALERTS = """
import json
from command.models import Alert
rows = Alert.objects.filter(asset={asset}, rule="video.alarm")
print(json.dumps([row.pk for row in rows]))
"""
# What the page says is shown, and the clock burnt into the picture: seconds between them, and the clock itself.
PLAYED = """() => {
  const words = document.querySelector('.picture .caption')?.textContent ?? '';
  const said = words.match(/\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d/);
  const age = (READ)();
  if (!said || age === null) return null;
  const shown = Date.now() - age;
  return { apart: (shown - Date.parse(`${said[0].replace(' ', 'T')}+08:00`)) / 1000, shown };
}""".replace("READ", READ)
NEEDLE = "() => document.querySelector('.timeline canvas').getAttribute('aria-valuetext')"
CHANNELS = """
import json
from media.models import Channel
print(json.dumps(sorted(Channel.objects.filter(device__code="{device}", online=True).values_list("pk", flat=True))))
"""
PLAYERS = """() => [...document.querySelectorAll('.wall .player')].map((player) => ({
  phase: player.dataset.phase,
  figures: player.querySelector('.figures').textContent,
  veil: player.querySelector('.veil').textContent,
  frames: player.querySelector('video').getVideoPlaybackQuality().totalVideoFrames,
}))"""
TAKES_H265 = "() => RTCRtpReceiver.getCapabilities('video').codecs.some((codec) => codec.mimeType === 'video/H265')"
VIEWS = "fetch('/api/v1/video/views?asset={asset}').then((answer) => answer.json())"
SIGN_OUT = """
import json
from django.contrib.sessions.models import Session
from access.models import User
user = str(User.objects.get(username="video-duty").pk)
for row in Session.objects.all():
    if row.get_decoded().get("_auth_user_id") == user:
        row.delete()
print(json.dumps(None))
"""
SHOWN = "() => document.querySelector('.{place} video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0"
FRAMES = "() => document.querySelector('.dock video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0"
PHASE = "() => document.querySelector('.dock .player')?.dataset.phase"


@pytest.fixture
def camera(stack: Stack) -> Iterator[dict[str, Any]]:
    """A simulated camera whose picture is a clock, signed in and placed; and credentials of another recorder."""
    stack.python(PEOPLE)
    assert stack.sandtable("manage", "democameras", "--devices", "2").returncode == 0
    credentials = stack.var / "demo/cameras.json"
    listed = json.loads(credentials.read_text())
    device, h265 = (one["code"] for one in listed["devices"])
    stack.python(FOLLOW.replace("{device}", h265))
    other = credentials.with_name("h265.json")
    other.write_text(json.dumps(listed | {"devices": listed["devices"][1:]}))
    with simulated(stack, credentials, "--channels", "1", "--clock"):
        found = wait_for(lambda: stack.python(CAMERA.replace("{device}", device)))
        yield found | {"device": device, "h265": h265, "credentials": other}


@contextmanager
def simulated(stack: Stack, credentials: Path, *more: str) -> Iterator[None]:
    """A device, for as long as it is needed."""
    command = [sys.executable, "-m", "media.simulator", "--devices", "1", "--spread", "0", "--credentials"]
    env = stack.env | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([*command, str(credentials), *more], cwd=ROOT, env=env)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(10)


def watching(stack: Stack) -> int:
    """Viewings that were begun and have not ended: a page may begin one anew where the machine is slow."""
    return stack.python(WATCHING)


def test_a_camera_on_the_map_is_clicked_plays_and_is_moved(
    stack: Stack, open_screen: Any, camera: dict[str, Any]
) -> None:
    found = CAMERA.replace("{device}", camera["device"])
    views = VIEWS.format(asset=camera["asset"])
    stack.python(RECORD.format(asset=camera["asset"]))
    screen = open_screen()
    screen.enter("video-duty")
    screen.wait("!!window.sandtable && sandtable.mapReady()")
    look(screen, camera["lon"], camera["lat"], 17)
    screen.wait(f"!!sandtable.positionOf({camera['asset']})")
    open_by_click(screen)
    page = screen.page
    desk = page.viewport_size
    page.set_viewport_size(dict(zip(("width", "height"), SIZES["phone"], strict=True)))
    page.locator(".card .see.follow").wait_for(state="visible")
    page.set_viewport_size(desk)
    page.locator(".card .see:not(.follow)").click()
    screen.wait(FRAMES)
    assert card_is_open(screen)
    seen = screen.ask(FRAMES)
    wait_for(lambda: screen.ask(FRAMES) > seen + 25)
    wait_for(lambda: screen.ask(PHASE) == "playing")
    # The clock in the picture is of now: what came before the viewer has been caught up with.
    wait_for(lambda: 0 <= screen.ask(READ) < 3000)
    player = page.locator(".dock .player")
    player.hover()
    player.get_by_role("button", name="云台").click()
    page.locator(".steer-pad").wait_for(state="visible")
    page.keyboard.down("ArrowLeft")
    page.keyboard.up("ArrowLeft")
    wait_for(lambda: "steer" in stack.python(RECORDS))
    assert page.locator(".steer-said").inner_text() == ""
    # It says how its head stands: the field of view, and the icon, turn from where it looked.
    wait_for(lambda: stack.python(found)["heading"] < camera["heading"])
    wait_for(lambda: screen.ask(views)["views"][0]["heading_deg"] < camera["heading"])
    (view,) = screen.ask(views)["views"]
    assert (view["view_deg"], view["view_m"], view["assumed"]) == (60, 120, False)
    screen.picture("video")
    with page.expect_download() as download:
        player.get_by_role("button", name="抓拍").click()
    assert download.value.suggested_filename.endswith(".png")
    page.locator(".dock-head .close").click()
    wait_for(lambda: watching(stack) == 0)
    recordings_are_played_from_a_chosen_second(stack, screen, camera["asset"])
    # What the camera has recorded itself is found and played on the recordings' page.
    page.goto(f"{stack.url}/video/recordings/?asset={camera['asset']}")
    page.get_by_role("button", name="设备录像").click()
    screen.wait(SHOWN.format(place="picture"))
    wait_for(lambda: not page.locator(".picture .empty").inner_text())
    screen.picture("recordings-device")
    assert not screen.faults, screen.faults
    # Whoever is signed out sees no more: the page leaves, or is told to.
    wait_for(lambda: watching(stack) == 1)
    stack.python(SIGN_OUT)
    wait_for(lambda: watching(stack) == 0)
    page.wait_for_selector("input[name=username]", timeout=60_000)
    more = ["--channels", "3", "--codec", "h265", "--size", "320x240", "--kilobits", "150", "--moving"]
    with simulated(stack, camera["credentials"], *more, "--alarm-every", "5"):
        h265_is_shown_as_far_as_the_limit_goes(stack, screen, camera["h265"])
        an_icon_moves_and_an_alarm_opens_its_picture(stack, screen, camera["h265"])
    assert not screen.faults, screen.faults


def recordings_are_played_from_a_chosen_second(stack: Stack, screen: Screen, asset: int) -> None:
    """What the page says it shows, and what was chosen, are what the clock in the picture says."""
    wait_for(lambda: stack.python(RECORDED.format(asset=asset)) > 12)
    page = screen.page
    page.goto(f"{stack.url}/video/recordings/?asset={asset}")
    wait_for(lambda: (played := screen.ask(PLAYED)) and abs(played["apart"]) < 2)
    timeline = page.locator(".timeline canvas")
    for _ in range(7):  # two hours are a minute now, around what is shown
        timeline.press("+")
    box = timeline.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2 + 30, box["y"] + box["height"] / 2)
    chosen = clock_time.fromisoformat(screen.ask(NEEDLE))
    wait_for(lambda: (played := screen.ask(PLAYED)) and abs(played["apart"]) < 2 and is_since(played["shown"], chosen))
    screen.picture("recordings")


def is_since(shown_ms: float, chosen: clock_time) -> bool:
    """Whether a clock stands at the chosen time of the city, or at most a minute after it, or a key frame before."""
    shown = datetime.fromtimestamp(shown_ms / 1000, ZoneInfo("Asia/Shanghai"))
    since_s = (
        shown - shown.replace(hour=chosen.hour, minute=chosen.minute, second=chosen.second, microsecond=0)
    ).total_seconds()
    return -3 <= (since_s + 43_200) % 86_400 - 43_200 <= 60


def an_icon_moves_and_an_alarm_opens_its_picture(stack: Stack, screen: Screen, device: str) -> None:
    """The camera tells where it is, and its icon goes there; its alarm is an alert from which its picture is opened."""
    found = wait_for(lambda: stack.python(MOVER.replace("{device}", device)))
    screen.enter("video-duty", "/screen/")
    screen.wait("!!window.sandtable && sandtable.mapReady()")
    look(screen, found["lon"], found["lat"], 15)
    place = f"sandtable.positionOf({found['asset']})"
    screen.wait(f"!!{place}")
    before = screen.ask(f"() => {place}[0]")
    screen.wait(f"{place}[0] > {before}")
    wait_for(lambda: stack.python(ALERTS.format(asset=found["asset"])))
    screen.page.locator(".alert-row", has_text="摄像机报警").first.click()
    screen.page.locator(".alert-card.open [data-action=cameras]").click()
    # Its picture comes before those of the two beside it: whoever is asked for last finds nobody left to transcode.
    wait_for(lambda: screen.page.locator(".dock .player").count() == 3)
    assert "模拟摄像机 1-1" in screen.page.locator(".dock .player").first.inner_text()
    wait_for(lambda: screen.ask(FRAMES) > 25)
    screen.picture("video-alarm")


def h265_is_shown_as_far_as_the_limit_goes(stack: Stack, screen: Screen, device: str) -> None:
    """Three cameras of H.265 in a browser without it: two play, transcoded, and say so; the third says why not."""
    code = CHANNELS.replace("{device}", device)
    wait_for(lambda: len(stack.python(code)) == 3)
    screen.faults.clear()  # what the page asked before it knew that it was signed out
    screen.enter("video-duty", f"/video/#{','.join(map(str, stack.python(code)))}")
    assert not screen.ask(TAKES_H265), "this browser decodes H.265: it proves nothing here"

    def played() -> bool:
        players = screen.ask(PLAYERS)
        moving = [player for player in players if player["phase"] == "playing" and player["frames"] > 25]
        refused = [player for player in players if player["phase"] == "codec"]
        return (
            len(moving) == 2
            and all("H.265 已转码" in player["figures"] for player in moving)
            and ["转码名额已满" in player["veil"] for player in refused] == [True]
        )

    wait_for(played)
    screen.picture("video-h265")
