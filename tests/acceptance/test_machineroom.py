"""The machine room in a real browser: what stands there is of now, nothing is too wide for a telephone."""

from __future__ import annotations

from tests.acceptance.conftest import SIZES

WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_the_page_is_read_at_a_glance_and_stays_of_now(stack, open_screen):
    screen = open_screen()
    screen.enter("admin", "/admin/machine-room/")
    screen.wait("document.querySelectorAll('.room-shards li').length === 64", 60)
    for screen.size in ("desk", "phone"):
        width, height = SIZES[screen.size]
        screen.page.set_viewport_size({"width": width, "height": height})
        assert screen.ask("document.querySelectorAll('.room-dot').length") >= 6
        assert screen.ask("document.querySelectorAll('.room-charts svg').length") == 4
        assert screen.ask(WIDE) <= 0
        screen.picture("machineroom")
    first = screen.ask("document.querySelector('.room-verdict small').textContent")
    screen.wait(f"document.querySelector('.room-verdict small').textContent !== {first!r}")
    assert screen.ask(WIDE) <= 0
    assert screen.ask("document.getElementById('machineroom-late').hidden")
    assert not screen.faults, screen.faults
