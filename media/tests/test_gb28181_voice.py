"""Devices are spoken to: told, called back by, heard; and files become speech."""

from __future__ import annotations

import asyncio
import io
import math
import wave

import numpy as np
import pytest

from media.exceptions import NoReplyError, NotOfferedError, OfflineError, RefusedByDeviceError
from media.gb28181 import announcing
from media.gb28181.voice import LONGEST_S, encode, read_wav
from media.tests.alone import Alone, alone, device, until
from media.tests.platform import CODE

SPEAKER = "31011500001310000001"


def wav(seconds=0.5, rate=16_000, channels=1, width=2, hertz=440):
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        top = 2 ** (8 * width - 1) - 1
        for i in range(round(seconds * rate)):
            value = round(math.sin(i * hertz * 2 * math.pi / rate) * top * 0.5)
            one = (value + 128).to_bytes(1, "little") if width == 1 else value.to_bytes(width, "little", signed=True)
            file.writeframesraw(one * channels)
    return data.getvalue()


@pytest.mark.parametrize("way", ["udp", "tcp_active", "tcp_passive"])
def test_a_device_hears_what_is_said(way):
    async def work():
        async with Alone() as server:
            server.knows()
            async with device(server, talks_by=way) as loudspeaker:
                speech = read_wav(wav(0.6))
                said = await server.announcements.begin(CODE, SPEAKER)
                said.feed(speech)
                with pytest.raises(NotOfferedError, match="speaking"):
                    await server.announcements.begin(CODE, SPEAKER)
                said.finish()
                assert await asyncio.wait_for(said.why, 10) == "said"
                hearing = loudspeaker.obeying.hearing
                await until(lambda: not loudspeaker.end.calls)  # it has had our BYE
                assert bytes(hearing.heard) == speech
                assert loudspeaker.showing._tally.heard_ms == 600
                assert len(server.announcements) == 0
                # One that hangs up itself, and one that we break off.
                said = await server.announcements.begin(CODE, SPEAKER)
                await hearing.hang_up()
                assert await asyncio.wait_for(said.why, 10) in ("hung up", "connection closed")
                said = await server.announcements.begin(CODE, SPEAKER)
                await server.announcements.stop(said)
                await until(lambda: not loudspeaker.end.calls)
        assert len(server.announcements._ports._free) == 100

    alone(work())


def test_devices_that_do_not_listen(monkeypatch):
    monkeypatch.setattr(announcing, "CALLS_BACK_S", 0.2)

    async def work():
        async with Alone() as server:
            server.knows()
            with pytest.raises(OfflineError):
                await server.announcements.begin(CODE, SPEAKER)
            async with device(server) as loudspeaker:
                with pytest.raises(RefusedByDeviceError, match="ERROR"):
                    await server.announcements.begin(CODE, "31011500001370000099")
                hearing = loudspeaker.obeying.hearing
                # A call that nobody waits for, and one in a language nobody speaks.
                await hearing.called("1", server.talker.code, SPEAKER)
                assert not loudspeaker.end.calls
                describe = hearing._description
                hearing._description = lambda *args: (
                    describe(*args).replace(b"RTP/AVP 8\r", b"RTP/AVP 9\r").replace(b"rtpmap:8 PCMA", b"rtpmap:9 G722")
                )
                with pytest.raises(NoReplyError, match="never called back"):
                    await server.announcements.begin(CODE, SPEAKER)
                assert not len(server.announcements)

    alone(work())


def test_files_become_speech():
    for rate, channels, width in ((8000, 1, 2), (44_100, 2, 2), (48_000, 1, 3), (16_000, 1, 1), (8000, 2, 4)):
        assert len(read_wav(wav(0.25, rate, channels, width))) == 2000
    # A tone beyond what 8 kHz can carry is gone, and does not come back as another.
    assert set(read_wav(wav(0.25, 48_000, hertz=12_000))[10:-10]) <= {0x55, 0xD5, 0x54, 0xD4}
    for bad in (b"", b"RIFF", b"\xff" * 100, wav(LONGEST_S + 1, 4000, width=1), wav(rate=2000)):
        with pytest.raises(NotOfferedError):
            read_wav(bad)


def test_a_law_of_known_samples():
    # G.711, table 1a: decision values and codes, even bits inverted.
    values = np.array([0, -1, 1, 15, 31, 32, 63, 64, 4095, -4096]) / 4096
    assert encode(values).hex(" ") == "d5 55 d5 d2 da c5 ca f5 aa 2a"
