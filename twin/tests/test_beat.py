"""The beat of the live sockets: together, some at a time, and slower rather than late."""

from __future__ import annotations

import asyncio

from twin.live import beat
from twin.live.beat import AT_A_TIME, BEAT_S, SLOWEST_BEAT_S, Beat, Bell
from twin.live.frames import decode_update, encode_update
from twin.live.hub import Hub
from twin.tests.states import states


def test_all_are_rung_and_what_moves_meanwhile_comes_after_them(monkeypatch):
    monkeypatch.setattr(beat, "BEAT_S", 0.01)

    async def story():
        hub = Hub()
        hub.world.replace(states(asset=[1], lon=[121.1]))
        seen = []

        async def listen(number, bell):
            await bell.wait()
            if number == 0:
                update = decode_update(encode_update(1, states(asset=[1], lon=[121.7], time_ms=[9000])))
                hub._take("st/live/1", update)
            seen.append(hub.world.tick)

        bells = [Bell() for _ in range(3 * AT_A_TIME)]
        ears = [asyncio.create_task(listen(number, bell)) for number, bell in enumerate(bells)]
        await asyncio.sleep(0)
        for bell in bells:
            hub.beat.join(bell)
        await asyncio.wait_for(asyncio.gather(*ears), 10)
        await asyncio.sleep(0.05)
        for bell in bells:
            hub.beat.part(bell)
        assert len(seen) == len(bells)
        assert len(set(seen)) == 1
        assert hub.world.columns["lon"][0] == 121.7

    asyncio.run(story())


def test_news_of_its_own_are_no_beat():
    async def story():
        bell = Bell()
        bell.ring()
        assert await bell.wait() is False
        bell.ring()
        bell.beat()
        assert await bell.wait() is True

    asyncio.run(story())


def test_too_much_to_do_makes_it_slower_and_calm_quicker():
    pace = Beat(lambda: 0, lambda: None)
    for _ in range(9):
        pace._pace(share=0.9, late_s=0.0)
    assert pace._beat_s == SLOWEST_BEAT_S
    pace._pace(share=0.3, late_s=0.0)
    assert pace._beat_s == SLOWEST_BEAT_S
    for _ in range(9):
        pace._pace(share=0.1, late_s=0.0)
    assert pace._beat_s == BEAT_S
    pace._pace(share=0.1, late_s=1.0)
    assert pace._beat_s == 2 * BEAT_S
