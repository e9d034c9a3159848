"""The command screen as it hangs on the wall: the same tests as at a desk, of what is laid out otherwise there."""

from __future__ import annotations

import pytest

from tests.acceptance.screens import PUDONG, tells_of_a_thing
from tests.acceptance.test_charts import COUNT, day_is_drawn
from tests.acceptance.test_screen import shows_what_there_is

SIZE = "wall"


@pytest.fixture(scope="module", autouse=True)
def counted(stack):
    """Before the page is opened: it reads the day's counts every few minutes only."""
    stack.python(COUNT)


def test_the_wall_shows_what_there_is(stack, city):
    shows_what_there_is(stack, city)


def test_the_wall_draws_the_day(stack, city):
    day_is_drawn(stack, city)


def test_the_walls_card_leaves_the_map_free(stack, mqtt_port, city):
    tells_of_a_thing(stack, mqtt_port, city, (PUDONG[0] + 0.03, PUDONG[1] - 0.04))


def test_trails_are_drawn_while_somebody_wants_them(city):
    button = city.page.locator(".tool", has_text="轨迹")
    assert button.get_attribute("aria-pressed") == "false"
    button.dispatch_event("click")
    assert button.get_attribute("aria-pressed") == "true"
    city.picture("screen-trails")
    button.dispatch_event("click")
    assert button.get_attribute("aria-pressed") == "false"
