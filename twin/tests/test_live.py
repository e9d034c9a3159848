"""The live world and what each viewer is told of it; pure."""

from __future__ import annotations

import numpy as np
import pytest

from twin.live.frames import UPDATE, decode_update, encode_update
from twin.live.viewer import MOST_ASSETS, Sight, Viewer, Window
from twin.live.world import World
from twin.tests.states import states

CITY = Window(120, 30, 123, 32, 13)
EVERYTHING = Sight(True, np.zeros(1, bool), np.zeros(1, bool))
NOW_MS = 1_000_000.0


def table(*ids):
    found = np.zeros(max(ids, default=0) + 1, bool)
    found[list(ids)] = True
    return found


def world_of(**columns):
    world = World(capacity=2)
    world.replace(states(**columns))
    return world


def told(answer):
    """Ids told of, by whether they left."""
    ids, left = answer.columns["id"], answer.columns["left"]
    return sorted(ids[~left].tolist()), sorted(ids[left].tolist())


def viewer(sight=EVERYTHING, window=CITY):
    found = Viewer(sight)
    found.look(window)
    return found


def move(world, **columns):
    world.apply(decode_update(encode_update(1, states(**columns))).columns)


def test_a_frame_survives_the_road():
    update = decode_update(encode_update(7, states(asset=[1, 2], lon=[121.5, 121.6], alt_m=[3, np.nan])))
    assert update.number == 7
    assert list(update.columns) == UPDATE.names
    assert update.columns["lon"].tolist() == [121.5, 121.6]
    assert np.isnan(update.columns["alt_m"][1])


def test_a_sign_of_life_has_no_rows():
    assert len(decode_update(encode_update(3, None))) == 0


@pytest.mark.parametrize("payload", [b"", b"1234567", b"\0" * 8 + b"rubbish", b"\0" * 40])
def test_rubbish_is_no_frame(payload):
    with pytest.raises(ValueError, match=r"frame|Arrow"):
        decode_update(payload)


def test_first_answer_is_everything_visible_then_only_changes():
    world = world_of(asset=[1, 2], lon=[121.1, 121.2])
    eye = viewer()
    assert told(eye.answer(world, NOW_MS)) == ([1, 2], [])
    assert eye.answer(world, NOW_MS) is None
    move(world, asset=[2], lon=[121.3], time_ms=[2000])
    assert told(eye.answer(world, NOW_MS)) == ([2], [])


def test_the_present_never_goes_back():
    world = world_of(asset=[1], lon=[121.1], time_ms=[5000])
    eye = viewer()
    eye.answer(world, NOW_MS)
    move(world, asset=[1], lon=[121.9], time_ms=[4000])
    assert eye.answer(world, NOW_MS) is None
    assert world.columns["lon"][0] == 121.1


def test_what_leaves_the_window_is_said_to_leave_without_saying_where_to():
    world = world_of(asset=[1], lon=[121.1])
    eye = viewer()
    eye.answer(world, NOW_MS)
    move(world, asset=[1], lon=[125.0], time_ms=[2000])
    answer = eye.answer(world, NOW_MS)
    assert told(answer) == ([], [1])
    assert answer.columns["lon"].tolist() == [0]


def test_moving_the_map_sends_only_what_is_new_in_it():
    world = world_of(asset=[1, 2, 3], lon=[121.1, 121.5, 124.0])
    eye = viewer()
    eye.answer(world, NOW_MS)
    eye.look(Window(121.4, 30, 125, 32, 13))
    assert told(eye.answer(world, NOW_MS)) == ([3], [1])


def test_scope_covers_owners_and_the_district_where_a_thing_is_now():
    world = world_of(asset=[1, 2, 3, 4], owner=[7, 8, 0, 8], region=[1, 2, 2, 1])
    district_two = viewer(Sight(False, table(), table(2)))
    firm_seven = viewer(Sight(False, table(7), table()))
    nobody = viewer(Sight(False, table(), table()))
    assert told(district_two.answer(world, NOW_MS)) == ([2, 3], [])
    assert told(firm_seven.answer(world, NOW_MS)) == ([1], [])
    assert nobody.answer(world, NOW_MS).visible == 0


def test_no_owner_and_no_region_match_nobody_but_the_city():
    world = world_of(asset=[1], owner=[0], region=[0])
    eye = viewer(Sight(False, np.ones(9, bool), np.ones(9, bool)))
    assert eye.answer(world, NOW_MS).visible == 0


def test_a_thing_that_drives_into_the_next_district_changes_eyes():
    world = world_of(asset=[1], region=[1], lon=[121.1])
    first, second = (viewer(Sight(False, table(), table(n))) for n in (1, 2))
    assert told(first.answer(world, NOW_MS)) == ([1], [])
    second.answer(world, NOW_MS)
    move(world, asset=[1], region=[2], lon=[121.2], time_ms=[2000])
    assert told(first.answer(world, NOW_MS)) == ([], [1])
    assert told(second.answer(world, NOW_MS)) == ([1], [])


def test_a_narrowed_scope_takes_things_away():
    world = world_of(asset=[1, 2], region=[1, 2])
    eye = viewer()
    eye.answer(world, NOW_MS)
    eye.allow(Sight(False, table(), table(1)))
    assert told(eye.answer(world, NOW_MS)) == ([], [2])


def test_a_slow_viewer_gets_the_newest_and_no_queue():
    world = world_of(asset=[1, 2], lon=[121.1, 121.1])
    eye = viewer()
    eye.answer(world, NOW_MS)
    for step in range(100):
        move(world, asset=[1], lon=[121 + step / 1000], time_ms=[2000 + step])
    answer = eye.answer(world, NOW_MS)
    assert told(answer) == ([1], [])
    assert answer.columns["lon"][0] == 121.099


def test_what_the_database_no_longer_has_leaves():
    world = world_of(asset=[1, 2])
    eye = viewer()
    eye.answer(world, NOW_MS)
    world.replace(states(asset=[2]))
    assert told(eye.answer(world, NOW_MS)) == ([], [1])
    world.replace(states(asset=[1, 2]))
    assert told(eye.answer(world, NOW_MS)) == ([1], [])


def test_reading_the_database_again_does_not_undo_newer_frames():
    world = world_of(asset=[1], lon=[121.1], time_ms=[1000])
    asked = world.tick
    move(world, asset=[1, 2], lon=[121.7, 121.8], time_ms=[9000, 9000])
    world.replace(states(asset=[1], lon=[121.1], time_ms=[1000], owner=[5]), asked)
    assert world.columns["lon"][0] == 121.7
    assert world.columns["owner"][0] == 5
    assert told(viewer().answer(world, NOW_MS)) == ([1, 2], [])


def test_a_restored_database_is_believed():
    world = world_of(asset=[1], lon=[121.1], time_ms=[9000])
    world.replace(states(asset=[1], lon=[121.7], time_ms=[1000]))
    assert world.columns["lon"][0] == 121.7


def test_what_the_database_says_of_kind_and_owner_reaches_the_map():
    world = world_of(asset=[1, 2])
    eye = viewer()
    eye.answer(world, NOW_MS)
    world.replace(states(asset=[1, 2], kind=[1, 3]))
    assert told(eye.answer(world, NOW_MS)) == ([2], [])
    world.replace(states(asset=[1, 2], kind=[1, 3]))
    assert eye.answer(world, NOW_MS) is None


def test_what_changed_while_the_map_was_moved_is_told():
    world = world_of(asset=[1, 2], lon=[121.1, 121.2])
    eye = viewer()
    eye.answer(world, NOW_MS)
    move(world, asset=[1], lon=[121.3], time_ms=[2000])
    eye.look(Window(120, 30, 122.9, 32, 13))
    assert told(eye.answer(world, NOW_MS)) == ([1], [])


def test_a_window_round_the_globe():
    world = world_of(asset=[1, 2, 3], lon=[179.0, -179.0, 0.0])
    assert told(viewer(window=Window(170, 30, 190, 32, 13)).answer(world, NOW_MS)) == ([1, 2], [])
    assert told(viewer(window=Window(-190, 30, -170, 32, 13)).answer(world, NOW_MS)) == ([1, 2], [])
    assert told(viewer(window=Window(-400, 30, 400, 32, 13)).answer(world, NOW_MS)) == ([1, 2, 3], [])


def test_a_district_shows_only_what_is_in_it_now():
    world = world_of(asset=[1, 2, 3], lon=[121.1, 121.2, 121.3], region=[7, 8, 0])
    eye = viewer()
    assert told(eye.answer(world, NOW_MS)) == ([1, 2, 3], [])
    eye.look(CITY, table(7))
    answer = eye.answer(world, NOW_MS)
    assert (told(answer), answer.visible) == (([], [2, 3]), 1)
    move(world, asset=[1, 2], lon=[121.4, 121.5], region=[8, 7], time_ms=[2000, 2000])
    assert told(eye.answer(world, NOW_MS)) == ([2], [1])
    eye.look(CITY)
    assert told(eye.answer(world, NOW_MS)) == ([1, 3], [])


def test_a_district_adds_nothing_to_the_scope():
    world = world_of(asset=[1, 2], owner=[5, 6], region=[7, 7])
    eye = viewer(Sight(False, table(5), table(9)))
    eye.look(CITY, table(7))
    assert told(eye.answer(world, NOW_MS)) == ([1], [])


def test_counts_are_of_the_district_and_their_parts_sum_up():
    world = world_of(asset=np.arange(1, 7), status=[0, 1, 2, 3, 3, 1], time_ms=[1e6, 1e6, 1, 1, 1e6, 1], region=[7] * 6)
    eye = viewer(window=Window(120, 30, 123, 32, 3))
    cells = eye.answer(world, 1_000_500.0).columns
    parts = {name: int(cells[name].sum()) for name in ("total", "working", "alert", "silent", "off")}
    assert parts == {"total": 6, "working": 1, "alert": 1, "silent": 1, "off": 2}
    eye.look(Window(120, 30, 123, 32, 3), table(8))
    answer = eye.answer(world, 1_000_500.0)
    assert (answer.visible, len(answer.columns["total"])) == (0, 0)


def test_too_many_become_counts_and_few_become_assets_again():
    n = MOST_ASSETS + 1
    rng = np.random.default_rng(1)
    world = world_of(
        asset=np.arange(n), lon=rng.uniform(121, 122, n), lat=rng.uniform(31, 31.5, n), status=np.arange(n) % 2
    )
    eye = viewer(window=Window(120, 30, 123, 32, 9))
    answer = eye.answer(world, 2000)
    assert (answer.mode, answer.reset, answer.visible) == ("cells", True, n)
    assert answer.columns["total"].sum() == n
    assert answer.columns["working"].sum() == n // 2
    assert (answer.columns["lon"] >= 121).all()
    eye.look(Window(121, 31, 121.1, 31.1, 13))
    closer = eye.answer(world, 2000)
    assert (closer.mode, closer.reset) == ("assets", True)
    assert len(closer.columns["id"]) == closer.visible < n / 10


def test_counts_tell_silence_from_calm():
    world = world_of(asset=[1, 2], status=[1, 1], time_ms=[1_000_000, 1])
    eye = viewer(window=Window(120, 30, 123, 32, 3))
    cells = eye.answer(world, 1_000_500.0).columns
    assert (cells["total"].sum(), cells["working"].sum(), cells["silent"].sum()) == (2, 1, 1)


def test_counts_fall_silent_although_nothing_moves():
    world = world_of(asset=[1], status=[1], time_ms=[1_000_000])
    eye = viewer(window=Window(120, 30, 123, 32, 3))
    assert eye.answer(world, 1_000_500.0).columns["silent"].sum() == 0
    assert eye.answer(world, 1_001_000.0) is None
    assert eye.answer(world, 1_500_000.0).columns["silent"].sum() == 1


@pytest.mark.parametrize("numbers", [(1, 2, 0, 3, 9), (0, 3, 1, 2, 9), (0, 0, 1, 1, 99), (float("nan"), 0, 1, 1, 9)])
def test_impossible_windows_are_refused(numbers):
    with pytest.raises(ValueError, match="view"):
        Window(*numbers)


@pytest.mark.parametrize("zoom", [13, 3])
def test_a_browser_that_forgot_everything_is_told_again(zoom):
    world = world_of(asset=[1, 2], lon=[121.1, 121.2])
    window = Window(120, 30, 123, 32, zoom)
    eye = viewer(window=window)
    first = eye.answer(world, NOW_MS)
    assert eye.answer(world, NOW_MS) is None
    eye.look(window)
    assert zoom == 3 or eye.answer(world, NOW_MS) is None
    eye.look(window, fresh=True)
    again = eye.answer(world, NOW_MS)
    assert again.reset
    assert (again.mode, again.visible) == (first.mode, 2)
    assert {name: column.tolist() for name, column in again.columns.items() if name in ("lon", "lat", "total")} == {
        name: column.tolist() for name, column in first.columns.items() if name in ("lon", "lat", "total")
    }


def test_who_sees_and_looks_alike_gets_the_very_same_bytes():
    world = world_of(asset=[1, 2], lon=[121.1, 121.2])
    one, other, elsewhere = viewer(), viewer(), viewer(window=Window(120, 30, 123, 32.5, 13))
    first = [eye.answer(world, NOW_MS) for eye in (one, other, elsewhere)]
    assert first[0].frame.piece is first[1].frame.piece
    assert first[0].frame is not first[2].frame
    move(world, asset=[1], lon=[121.3], time_ms=[2000])
    again = [eye.answer(world, NOW_MS) for eye in (one, other, elsewhere)]
    assert again[0].frame.piece is again[1].frame.piece
    assert told(again[2]) == ([1], [])


def test_who_fell_behind_is_told_what_they_missed_and_shares_again():
    world = world_of(asset=[1, 2, 3], lon=[121.1, 121.2, 121.3])
    quick, slow = viewer(), viewer()
    for eye in (quick, slow):
        eye.answer(world, NOW_MS)
    move(world, asset=[1], lon=[125.0], time_ms=[2000])
    assert told(quick.answer(world, NOW_MS)) == ([], [1])
    move(world, asset=[2], lon=[121.4], time_ms=[3000])
    assert told(quick.answer(world, NOW_MS)) == ([2], [])
    assert told(slow.answer(world, NOW_MS)) == ([2], [1])
    slow.look(CITY, fresh=True)
    quick.look(CITY, fresh=True)
    assert slow.answer(world, NOW_MS).frame is quick.answer(world, NOW_MS).frame
    move(world, asset=[3], lon=[121.5], time_ms=[4000])
    assert slow.answer(world, NOW_MS).frame is quick.answer(world, NOW_MS).frame


def test_equal_windows_of_different_eyes_share_nothing_they_may_not_see():
    world = world_of(asset=[1, 2], region=[1, 2], lon=[121.1, 121.2])
    first, second = (viewer(Sight(False, table(), table(n))) for n in (1, 2))
    assert told(first.answer(world, NOW_MS)) == ([1], [])
    assert told(second.answer(world, NOW_MS)) == ([2], [])
    move(world, asset=[1, 2], region=[1, 2], lon=[121.3, 121.4], time_ms=[2000, 2000])
    assert told(first.answer(world, NOW_MS)) == ([1], [])
    assert told(second.answer(world, NOW_MS)) == ([2], [])


def test_counts_are_told_once_a_second_and_as_whole_cells():
    world = world_of(asset=[1, 2, 3], lon=[121.1, 121.9, 179.9])
    near, far = viewer(window=Window(121, 30, 121.2, 32, 5)), viewer(window=Window(170, 30, 190, 32, 5))
    assert near.answer(world, NOW_MS).columns["total"].tolist() == [1]
    assert far.answer(world, NOW_MS).columns["total"].tolist() == [1]
    move(world, asset=[1], lon=[121.15], time_ms=[2000])
    assert near.answer(world, NOW_MS + 250) is None
    counts = near.answer(world, NOW_MS + 1000)
    assert counts.columns["lon"].tolist() == [121.15]
    assert counts.reset is False
