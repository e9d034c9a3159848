"""Alarms of cameras, on facts made by hand; and cameras known to the map."""

from command.tests.by_hand import facts
from command.wire import spoken_evidence
from layers.registry import registry
from layers.video.rules import ALARM
from media.kinds import CAMERA


def judged(*events, **parameters):
    given = facts(*({"event": each} for each in events), kind=CAMERA.code)
    return ALARM.judge(given, ALARM.settled(parameters))


def event(code="video_alarm", text=None, **attrs):
    return {"code": code, "text": text, "attrs": attrs or None}


def test_alarms_are_alerts_and_other_events_are_not():
    found = judged(event(text="移动侦测", priority=1, method=5), event("sos"), event())
    assert found.row.tolist() == [0, 2]
    assert list(found.evidence["text"]) == ["移动侦测", ""]
    assert list(found.evidence["method"]) == [5, 0]


def test_how_it_was_raised_is_said_in_words():
    shown = spoken_evidence(ALARM.id, {"text": "移动侦测", "method": 5})
    assert [row["value"] for row in shown] == ["移动侦测", "视频报警"]
    assert spoken_evidence(ALARM.id, {"method": 99})[0]["value"] == "99"


def test_only_grave_ones_where_that_is_set():
    found = judged(event(priority=1), event(priority=3), event(), event(priority=2), priority=2)
    assert found.row.tolist() == [0, 3]


def test_cameras_have_a_layer():
    assert [layer.source.kind for layer in registry.map_layers() if layer.id == "video.cameras"] == [CAMERA.key]
