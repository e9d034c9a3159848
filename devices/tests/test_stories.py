"""What happens to the demo's storied things happens within minutes."""

from __future__ import annotations

import itertools
from random import Random

import pytest
import shapely

from devices.demo.plan import STORIES, VISITS, District, make_plan
from devices.simulator.behaviours import make_mover
from devices.simulator.ground import distance_m, inside
from devices.simulator.stories import START_BEFORE_M

SITE = [[121.500, 31.200], [121.504, 31.200], [121.504, 31.203], [121.500, 31.203]]
KEY = [[121.540, 31.210], [121.546, 31.210], [121.546, 31.216], [121.540, 31.216]]
VISITING = {"behaviour": "visiting_machine", "sites": [SITE], "visit": KEY}
DISTRICTS = [
    District("990101", "西区", shapely.box(121.3, 31.2, 121.4, 31.3)),
    District("990102", "东区", shapely.box(121.5, 31.2, 121.6, 31.3)),
]


def life(profile, seconds, seed="s"):
    """(time, place, working, events) at every step."""
    mover = make_mover(profile, Random(seed))
    out, now = [], 0.0
    while now < seconds:
        out.append((now, mover.place, bool(mover.working), list(mover.events)))
        mover.events.clear()
        step = mover.interval_s
        mover.advance(step)
        now += step
    return out


class TestVisitingMachine:
    @pytest.mark.parametrize("seed", range(12))
    def test_it_comes_in_works_and_goes_home(self, seed):
        rows = [(t, inside(place, KEY), inside(place, SITE), working, place)
                for t, place, working, _ in life(VISITING, 7200, seed)]  # fmt: skip
        assert not rows[0][1]
        assert min(distance_m(rows[0][4], tuple(corner)) for corner in KEY) < START_BEFORE_M + 700
        entered = next(t for t, there, *_ in rows if there)
        works = next(t for t, there, _, working, _ in rows if there and working)
        home = next(t for t, _, at_home, working, _ in rows if at_home and working)
        assert entered < 90
        assert works < 180
        assert works + 60 < home < 2400
        assert any(there and working for t, there, _, working, _ in rows if t > home)
        assert all(there or at_home for _, there, at_home, working, _ in rows if working)

    def test_nothing_jumps(self):
        rows = life(VISITING, 7200)
        for (t0, a, *_), (t1, b, *_) in itertools.pairwise(rows):
            assert distance_m(a, b) <= 15 * (t1 - t0) + 0.01


class TestPeople:
    def test_straying_there_and_back(self):
        there = (121.506, 31.2015)
        rows = life({"behaviour": "straying_person", "site": SITE, "stray_to": there}, 3600)
        away = [t for t, place, *_ in rows if not inside(place, SITE)]
        assert 40 < away[0] < 60 + 600 / 1.5
        assert min(distance_m(place, there) for _, place, *_ in rows) < 0.1
        assert any(inside(place, SITE) for t, place, *_ in rows if away[0] < t < 1200)

    def test_calling_within_a_minute_and_again(self):
        rows = life({"behaviour": "calling_person", "site": SITE}, 3000)
        calls = [(t, events) for t, _, _, events in rows if events]
        assert [events[0][0] for _, events in calls] == ["sos"] * 3
        assert calls[0][0] <= 63

    def test_still_for_ten_minutes(self):
        places = [place for t, place, *_ in life({"behaviour": "still_person", "site": SITE}, 620) if t > 40]
        assert len(places) > 150
        assert len(set(places)) == 1


class TestPlan:
    def test_the_plan_has_them_and_their_places_are_right(self):
        plan = make_plan("示例市", DISTRICTS, "s")
        things = {thing.code: thing for thing in plan.things}
        areas = {area.name: area.shape for area in plan.areas}
        visiting = [t for t in plan.things if t.profile["behaviour"] == "visiting_machine"]
        assert len(visiting) == VISITS
        key_areas = [area.shape for area in plan.areas if area.kind == "key_area"]
        for thing in visiting:
            assert any(shape.covers(shapely.MultiPoint(thing.profile["visit"])) for shape in key_areas)
            start = shapely.Point(make_mover(thing.profile, Random(1)).place)
            assert not any(shape.contains(start) for shape in key_areas)
        for n, behaviour in STORIES.items():
            thing = things[f"P-{n + 1:04d}"]
            assert thing.profile["behaviour"] == behaviour
            site = next(o.site for o in plan.organizations if o.name == thing.owner)
            stray_to = shapely.Point(thing.profile["stray_to"])
            assert not areas[thing.zone].contains(stray_to)
            assert site.contains(stray_to) is (n != max(STORIES))
            if n == max(STORIES):
                assert 30 < site.distance(stray_to) * 111_195 < 100

    def test_every_zone_named_is_one_of_the_plan(self):
        plan = make_plan("示例市", DISTRICTS, "s")
        zones = {area.name for area in plan.areas if area.kind == "zone"}
        assert {thing.zone for thing in plan.things if thing.kind == "person"} <= zones
