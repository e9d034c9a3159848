"""Rules of the chemical park, on facts made by hand."""

import pytest
import shapely

from command.tests.by_hand import SECOND_US, causes, facts
from layers.chempark.ground import M_PER_DEG, Ground
from layers.chempark.rules import RULES
from twin.kinds import PERSON, Status

SITE, TANKS, YARD = 1, 2, 3
AREAS = {SITE: {"kind": "zone"}, TANKS: {"kind": "zone"}, YARD: {"kind": "zone"}, 9: {"kind": "key_area"}}
OFF = Status.OFF
BY_ID = {rule.id.removeprefix("chempark."): rule for rule in RULES}
LAT = 31.0
SITE_GROUND = Ground.of(shapely.box(121.500, LAT, 121.510, LAT + 0.01))
TANKS_GROUND = Ground.of(shapely.box(121.500, LAT, 121.505, LAT + 0.005))
REGISTERS = (
    *("most_people", "least_people", "gathering_people", "stay_limit_min", "still_limit_s"),
    *("post", "post_people", "ground"),
)


def given(*subjects, areas=AREAS, **values):
    """Facts with every attribute the rules ask for; ``values``: name to {key: value}."""
    of_areas = {f"area_chempark__{name}": values.get(name, {}) for name in REGISTERS}
    of_people = {f"chempark__{name}": values.get(name, {}) for name in ("own_zones", "site", "holder_post")}
    return facts(*subjects, kind=PERSON.code, areas=areas, **of_areas, **of_people)


def judged(name, *subjects, parameters=None, **values):
    rule = BY_ID[name]
    return rule.judge(given(*subjects, **values), rule.settled(parameters or {}))


def north(metres):
    """Degrees of latitude so far north of the upper edge of the site."""
    return LAT + 0.01 + metres / M_PER_DEG


def crowd(number, **more):
    return [{"asset": i + 1, "inside": {SITE: -3600}, "still_s": -3600, **more} for i in range(number)]


def test_a_rule_for_each_alarm_of_the_field():
    assert set(BY_ID) == {
        *("sos", "out_of_zone", "overstay", "motionless", "left_site"),
        *("over_limit", "under_limit", "post_vacant", "gathering"),
    }


@pytest.mark.parametrize("name", BY_ID)
def test_nobody_anywhere_raises_none(name):
    assert not judged(name)
    assert not judged(name, areas={})


@pytest.mark.parametrize("name", BY_ID)
def test_normal_movement_raises_none(name):
    people = [
        {
            "asset": i + 1,
            "lon": 121.5005 + i * 0.0004,
            "lat": LAT + 0.001,
            "inside": {SITE: -1800, TANKS: -1700},
            "still_s": -20 - i,
            "event": {"code": "battery_low", "text": "", "attrs": {}},
        }
        for i in range(8)
    ]
    assert not judged(
        name,
        *people,
        most_people={SITE: 8, TANKS: 8},
        least_people={SITE: 8},
        gathering_people={SITE: 2},
        stay_limit_min={SITE: 31},
        still_limit_s={TANKS: 60},
        post={TANKS: "值守"},
        post_people={TANKS: 1},
        ground={SITE: SITE_GROUND, TANKS: TANKS_GROUND},
        own_zones=dict.fromkeys(range(1, 9), (TANKS,)),
        site=dict.fromkeys(range(1, 9), SITE_GROUND),
        holder_post={3: "值守"},
    )


class TestPersons:
    def test_sos_is_the_key_and_nothing_else(self):
        events = [{"event": {"code": code, "text": "救命", "attrs": {}}} for code in ("sos", "fall", "SOS")]
        verdicts = judged("sos", *events)
        assert causes(verdicts) == {(0, 0)}
        assert verdicts.evidence["text"] == ["救命"]

    @pytest.mark.parametrize(("metres", "held"), [(-50, False), (4.99, False), (5.01, True), (200, True)])
    def test_out_of_zone_beyond_the_tolerance(self, metres, held):
        # North of the tank area, inside the site.
        person = {"lon": 121.502, "lat": LAT + 0.005 + metres / M_PER_DEG}
        verdicts = judged(
            "out_of_zone", person, own_zones={1: (TANKS,)}, ground={TANKS: TANKS_GROUND}, site={1: SITE_GROUND}
        )
        assert bool(len(verdicts)) is held
        if held:
            assert verdicts.evidence["distance_m"] == [pytest.approx(metres, abs=0.1)]

    def test_exactly_at_the_tolerance_is_still_within(self):
        person = {"lon": 121.502, "lat": LAT + 0.006}
        distance = float(TANKS_GROUND.distance_m(person["lon"], person["lat"]))
        known = {"own_zones": {1: (TANKS,)}, "ground": {TANKS: TANKS_GROUND}}
        assert not judged("out_of_zone", person, parameters={"tolerance_m": distance}, **known)
        assert judged("out_of_zone", person, parameters={"tolerance_m": distance - 0.01}, **known)

    def test_the_nearest_of_several_own_zones_counts(self):
        person = {"lon": 121.508, "lat": LAT + 0.008}
        grounds = {TANKS: TANKS_GROUND, SITE: SITE_GROUND}
        assert judged("out_of_zone", person, own_zones={1: (TANKS,)}, ground=grounds)
        assert not judged("out_of_zone", person, own_zones={1: (TANKS, SITE)}, ground=grounds)

    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"own_zones": {1: ()}},
            {"own_zones": {1: (77,)}, "ground": {TANKS: TANKS_GROUND}},
            {"own_zones": {1: (TANKS,)}},
        ],
    )
    def test_without_a_zone_to_keep_to_nobody_is_out_of_it(self, values):
        assert not judged("out_of_zone", {"lon": 122.0, "lat": 30.0}, **values)

    @pytest.mark.parametrize(("metres", "held"), [(-1, False), (14.9, False), (15.1, True), (5000, True)])
    def test_left_site_beyond_the_tolerance_and_then_not_out_of_zone_besides(self, metres, held):
        person = {"lon": 121.505, "lat": north(metres)}
        known = {"own_zones": {1: (TANKS,)}, "ground": {TANKS: TANKS_GROUND}, "site": {1: SITE_GROUND}}
        assert bool(len(judged("left_site", person, **known))) is held
        if held:
            assert not judged("out_of_zone", person, **known)

    @pytest.mark.parametrize(("since_s", "held"), [(-3599, False), (-3600, False), (-3601, True)])
    def test_overstay_is_longer_than_allowed(self, since_s, held):
        found = causes(judged("overstay", {"inside": {SITE: since_s, TANKS: since_s}}, stay_limit_min={TANKS: 60}))
        assert found == ({(0, TANKS)} if held else set())

    @pytest.mark.parametrize(("still_s", "held"), [(-299, False), (-300, True), (-10_000, True)])
    def test_motionless_for_the_limit(self, still_s, held):
        assert bool(len(judged("motionless", {"still_s": still_s, "inside": {SITE: -20_000}}))) is held

    def test_the_strictest_zone_counts_once(self):
        person = {"still_s": -100, "inside": {SITE: -900, TANKS: -900, YARD: -900}}
        verdicts = judged("motionless", person, still_limit_s={SITE: 500, YARD: 90})
        assert causes(verdicts) == {(0, YARD)}
        assert verdicts.evidence["limit_s"].tolist() == [90]  # what was judged by, not the rule's own
        assert not judged("motionless", person, still_limit_s={SITE: 500, YARD: 101})

    def test_silence_and_rest_outside_every_zone_are_not_motionless(self):
        silent = {"time_s": -4000, "still_s": -4100, "inside": {SITE: -9000}}
        outside = {"still_s": -4000, "inside": {9: -9000}}
        assert not judged("motionless", silent, outside)

    def test_a_tag_switched_off_says_nothing(self):
        person = {"status": OFF, "lon": 121.502, "lat": north(300), "still_s": -9000, "inside": {SITE: -90_000}}
        known = {"own_zones": {1: (TANKS,)}, "ground": {TANKS: TANKS_GROUND}, "site": {1: SITE_GROUND}}
        for name in ("out_of_zone", "left_site", "overstay", "motionless"):
            assert not judged(name, person, stay_limit_min={SITE: 1}, **known)


class TestZones:
    @pytest.mark.parametrize(("people", "held"), [(4, False), (5, False), (6, True), (5, False)])
    def test_over_limit_until_the_count_is_back_in_range(self, people, held):
        found = judged("over_limit", *crowd(people), most_people={SITE: 5})
        assert causes(found) == ({(-1, SITE)} if held else set())
        if held:
            assert (found.evidence["people"].tolist(), found.evidence["limit"].tolist()) == ([6], [5])

    def test_a_limit_of_nobody_and_an_allowance(self):
        assert judged("over_limit", *crowd(1), most_people={SITE: 0})
        assert not judged("over_limit", *crowd(2), most_people={SITE: 0}, parameters={"allowance_people": 2})

    @pytest.mark.parametrize(("since_s", "held"), [(-9.999, False), (-10, True)])
    def test_who_only_passes_the_border_is_not_counted(self, since_s, held):
        people = [*crowd(5), {"asset": 6, "inside": {SITE: since_s}}]
        assert bool(len(judged("over_limit", *people, most_people={SITE: 5}))) is held

    @pytest.mark.parametrize(("time_s", "held"), [(-600, True), (-600.001, False)])
    def test_somebody_silent_counts_for_a_while_as_still_there(self, time_s, held):
        people = [*crowd(5), {"asset": 6, "time_s": time_s, "inside": {SITE: -3600}}]
        assert bool(len(judged("over_limit", *people, most_people={SITE: 5}))) is held

    @pytest.mark.parametrize(("people", "held"), [(0, True), (1, True), (2, False), (3, False)])
    def test_under_limit_until_the_count_is_back_in_range(self, people, held):
        assert causes(judged("under_limit", *crowd(people), least_people={SITE: 2})) == (
            {(-1, SITE)} if held else set()
        )

    @pytest.mark.parametrize(("time_s", "held"), [(-120, False), (-121, True)])
    def test_who_must_be_there_must_be_heard(self, time_s, held):
        assert bool(len(judged("under_limit", *crowd(1, time_s=time_s), least_people={SITE: 1}))) is held

    def test_out_of_force_nobody_must_be_there_but_not_too_many_either(self):
        night = AREAS | {SITE: {"kind": "zone", "in_force": False}}
        known = {"least_people": {SITE: 9}, "most_people": {SITE: 1}, "post": {SITE: "值守"}, "post_people": {SITE: 1}}
        assert not judged("under_limit", *crowd(2), areas=night, **known)
        assert not judged("post_vacant", *crowd(2), areas=night, **known)
        assert judged("over_limit", *crowd(2), areas=night, **known)

    @pytest.mark.parametrize(
        ("posts", "held"),
        [({}, True), ({1: "值守"}, True), ({1: "值守", 2: "值守"}, False), ({1: "值守", 2: "中控"}, True)],
    )
    def test_post_vacant_until_its_holders_are_there(self, posts, held):
        known = {"post": {SITE: "值守", TANKS: "别的"}, "post_people": {SITE: 2}}
        found = judged("post_vacant", *crowd(3), holder_post=posts, **known)
        assert causes(found) == ({(-1, SITE)} if held else set())
        if held:
            assert found.evidence["post"] == ["值守"]

    def test_a_tag_switched_off_holds_no_post_and_fills_no_zone(self):
        known = {"post": {SITE: "值守"}, "post_people": {SITE: 1}, "least_people": {SITE: 1}, "most_people": {SITE: 0}}
        off = crowd(1, status=OFF)
        assert judged("post_vacant", *off, holder_post={1: "值守"}, **known)
        assert judged("under_limit", *off, **known)
        assert not judged("over_limit", *off, **known)

    def test_limits_of_an_area_that_is_no_zone_are_nobody_s(self):
        assert not judged("under_limit", least_people={9: 3})
        assert not judged("post_vacant", post={9: "值守"}, post_people={9: 3})


class TestGathering:
    def people(self, *metres_east, **more):
        east_m_per_deg = SITE_GROUND.east_m_per_deg
        return [
            {
                "asset": i,
                "lon": 121.505 + m / east_m_per_deg,
                "lat": LAT + 0.005,
                "inside": {SITE: -900},
                "still_s": -60,
            }
            | more
            for i, m in enumerate(metres_east, 1)
        ]

    @pytest.mark.parametrize(
        ("metres", "held"),
        [
            ((0, 5, 10), True),
            ((0, 14.9, 29.8), True),  # two within reach of the one in the middle
            ((0, 15.1, 30.2), False),
            ((0, 5), False),
            ((0, 5, 100, 105), False),
            ((0, 5, 100, 105, 110), True),
        ],
    )
    def test_as_many_within_the_radius_of_one(self, metres, held):
        found = judged("gathering", *self.people(*metres), gathering_people={SITE: 3})
        assert causes(found) == ({(-1, SITE)} if held else set())
        if held:
            assert found.evidence["people"] == (3,)

    def test_the_place_is_the_middle_of_the_crowd(self):
        found = judged("gathering", *self.people(0, 5, 10, 200), gathering_people={SITE: 3})
        assert found.evidence["lon"][0] == pytest.approx(121.505 + 5 / SITE_GROUND.east_m_per_deg, abs=1e-6)
        assert found.evidence["lat"][0] == pytest.approx(LAT + 0.005, abs=1e-6)

    @pytest.mark.parametrize(
        ("more", "held"),
        [
            ({"still_s": -60}, True),
            ({"still_s": -59.999}, False),
            ({"inside": {SITE: -59}}, False),
            ({"status": OFF}, False),
            ({"inside": {TANKS: -900}}, False),
        ],
    )
    def test_who_gathers_stands_there_for_the_time(self, more, held):
        assert bool(len(judged("gathering", *self.people(0, 1, 2, **more), gathering_people={SITE: 3}))) is held

    def test_a_large_crowd(self):
        found = judged("gathering", *self.people(*(i / 100 for i in range(1200))), gathering_people={SITE: 1000})
        assert found.evidence["people"] == (1200,)


class TestGround:
    def test_metres_from_a_polygon(self):
        assert SITE_GROUND.distance_m([121.505], [LAT + 0.005]).tolist() == [0]
        assert SITE_GROUND.distance_m([121.505], [north(100)])[0] == pytest.approx(100, rel=1e-6)
        # 0.01 degrees of longitude at 31° is 953 m on the sphere.
        assert SITE_GROUND.distance_m([121.52], [LAT + 0.005])[0] == pytest.approx(953, abs=1)


def test_times_are_whole_microseconds():
    assert given({"time_s": 1}).time_us[0] - given({"time_s": 0}).time_us[0] == SECOND_US
