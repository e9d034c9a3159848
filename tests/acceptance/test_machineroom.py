"""The machine room in a real browser: what stands there is of now, nothing is too wide for a telephone."""

from __future__ import annotations

import pytest

WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_page_is_read_at_a_glance_and_stays_of_now(stack, open_screen, size):
    screen = open_screen(size)
    screen.enter("admin", "/admin/machine-room/")
    screen.wait("document.querySelectorAll('.room-shards li').length === 64", 60)
    assert screen.ask("document.querySelectorAll('.room-dot').length") >= 6
    assert screen.ask("document.querySelectorAll('.room-charts svg').length") == 4
    assert screen.ask(WIDE) <= 0
    screen.picture("machineroom")
    first = screen.ask("document.querySelector('.room-verdict small').textContent")
    screen.wait(f"document.querySelector('.room-verdict small').textContent !== {first!r}")
    assert screen.ask("document.getElementById('machineroom-late').hidden")
    assert not screen.faults, screen.faults
