"""Pulling by RTSP: real sockets, ffmpeg's packets, hostile servers."""

from __future__ import annotations

import asyncio
import itertools

import av
import pytest

from media.exceptions import MediaError, NotOfferedError, OfflineError, RefusedByDeviceError
from media.simulator.clip import drawn
from media.sources.adts import adts_header
from media.sources.faults import explain
from media.sources.rtsp.address import read_address
from media.sources.rtsp.description import join, read_description
from media.sources.rtsp.messages import Data, Reader, RtspError
from media.sources.rtsp.source import RtspSource
from media.tests.certificates import own_signed
from media.tests.rtsp_server import SDP, RtspServer

PICTURES = [picture.data for picture in drawn(4, 3, 5)]


class Kept:
    def __init__(self, enough=10_000):
        self.frames, self.why, self.enough = [], [], enough
        self.full, self.over = asyncio.Event(), asyncio.Event()

    def frame(self, frame):
        self.frames.append(frame)
        if len(self.frames) >= self.enough:
            self.full.set()

    def ended(self, why):
        self.why.append(why)
        self.over.set()


def run(work):
    async def limited():
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(limited())


@pytest.mark.parametrize(("auth", "udp"), [("", False), ("digest", False), ("basic", True), ("digest", True)])
def test_pictures_and_sound_come(auth, udp):
    async def work():
        async with RtspServer(PICTURES, auth, sound=b"\x21\x10\x05") as server:
            kept = Kept(20)
            running = await RtspSource(server.url, "admin", "pw 1", udp=udp).open(kept)
            await kept.full.wait()
            await running.stop()
            await running.stop()
            count = len(kept.frames)
            await asyncio.sleep(0.05)
            assert (len(kept.frames), kept.why) == (count, [])
            while "TEARDOWN" not in [method for method, _uri, _headers in server.asked]:
                await asyncio.sleep(0.01)
            return kept.frames, server.asked

    frames, asked = run(work())
    pictures = [frame for frame in frames if frame.video]
    sounds = [frame for frame in frames if not frame.video]
    assert [frame.data.replace(b"\0\0\0\1", b"\0\0\1") for frame in pictures] == [
        picture.replace(b"\0\0\0\1", b"\0\0\1") for picture in PICTURES
    ]
    assert [frame.key for frame in pictures] == [True, *[False] * 4, True, *[False] * 4]
    assert not any(frame.damaged for frame in frames)
    # Both media on one clock, beginning where the server says they begin.
    assert [frame.pts for frame in pictures] == [i * 3600 for i in range(10)]
    assert [frame.pts for frame in sounds] == [i * 640 * 90_000 // 16_000 for i in range(10)]
    assert sounds[0].data == bytes.fromhex("fff16040015ffc") + b"\x21\x10\x05"
    assert [uri for method, uri, _h in asked if method == "SETUP"][-1].endswith("/live/1/track2")


def test_pictures_come_by_tls_and_by_udp_never_beside_it(tmp_path):
    async def work():
        async with RtspServer(PICTURES, tls=own_signed(tmp_path)[0]) as server:
            kept = Kept(10)
            running = await RtspSource(server.url, udp=True).open(kept)
            await kept.full.wait()
            await running.stop()
            return kept.frames, [headers for method, _uri, headers in server.asked if method == "SETUP"]

    frames, setups = run(work())
    assert len([frame for frame in frames if frame.video]) == 10
    assert "interleaved" in str(setups)


@pytest.mark.slow
def test_ffmpeg_is_a_foreign_source_of_both_codecs_and_sound():

    async def work(codec):
        async with RtspServer() as server:
            options = {"h264": ["libx264", "-g", "5"], "h265": ["libx265", "-x265-params", "keyint=5:log-level=none"]}
            pushing = await asyncio.create_subprocess_exec(
                "ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-f", "lavfi",
                "-i", "sine=sample_rate=16000", "-t", "4", "-c:v", *options[codec], "-preset", "ultrafast", "-tune",
                "zerolatency", "-c:a", "aac" if codec == "h264" else "pcm_alaw", "-ar",
                "16000" if codec == "h264" else "8000", "-f", "rtsp", "-rtsp_transport", "tcp", server.url,
            )  # fmt: skip
            try:
                await server.published.wait()
                kept = Kept(60)
                running = await RtspSource(server.url, udp=codec == "h265").open(kept)
                await kept.full.wait()
                await running.stop()
            finally:
                pushing.terminate()
                await pushing.wait()
            return kept.frames

    for codec, sound in (("h264", "aac"), ("h265", "g711a")):
        frames = run(work(codec))
        pictures = [frame for frame in frames if frame.video]
        assert {frame.codec for frame in frames} == {codec, sound}
        first = next(i for i, frame in enumerate(pictures) if frame.key)
        assert not any(frame.damaged for frame in pictures[first:])
        assert {b.pts - a.pts for a, b in itertools.pairwise(pictures)} == {9000}
        if sound == "aac":
            decoder = av.CodecContext.create("aac", "r")
            units = decoder.parse(b"".join(frame.data for frame in frames if not frame.video))
            assert [decoder.decode(unit)[0].sample_rate for unit in units[2:5]] == [16_000] * 3
        # The description's parameter sets stand before a key frame that came without.
        assert b"\x00\x00\x00\x01" + (b"\x67" if codec == "h264" else b"\x40\x01") in pictures[first].data


def test_a_server_that_falls_silent_or_hangs_up_is_told_once():
    async def work(break_it, **limits):
        async with RtspServer(PICTURES) as server:
            kept = Kept(5)
            running = await RtspSource(server.url, **limits).open(kept)
            await kept.full.wait()
            break_it(server)
            await kept.over.wait()
            await running.stop()
            return kept.why

    assert run(work(lambda server: server.writers[0].transport.abort())) == ["connection closed"]
    assert run(work(lambda server: None, silent_s=0.2)) == ["media stopped"]
    assert run(work(lambda server: server.writers[0].write(b"x" * 300_000)))[0].startswith("not understood")


def test_a_number_grown_old_is_replaced_and_a_wrong_password_shown_once_only():
    async def work():
        async with RtspServer(PICTURES, "digest") as server:

            def answer(method, headers):
                if method == "SETUP" and server.nonce == "n1":
                    server.nonce, server.stale_once = "n2", True

            server.answer = answer
            kept = Kept(3)
            running = await RtspSource(server.url, "admin", "pw 1").open(kept)
            await kept.full.wait()
            await running.stop()
        async with RtspServer(PICTURES, "digest") as server:
            with pytest.raises(RefusedByDeviceError, match="wrong login"):
                await RtspSource(server.url, "admin", "pw").open(Kept())
            shown = [headers for _m, _u, headers in server.asked if "authorization" in headers]
            assert len(shown) == 1
            assert all("pw" not in headers["authorization"] for headers in shown)
            with pytest.raises(RefusedByDeviceError, match="login needed"):
                await RtspSource(server.url).open(Kept())
            await RtspSource(server.url, "admin", "pw 1").answers()
            assert "SETUP" not in [method for method, _u, _h in server.asked]

    run(work())


HOSTILE = {
    "garbage": lambda method, h: b"HTTP/1.1 200 OK\r\n" + b"\xff" * 300_000,
    "endless header": lambda method, h: b"RTSP/1.0 200 OK\r\nX: " + b"a" * 20_000,
    "huge body": lambda method, h: f"RTSP/1.0 200 OK\r\nCSeq: {h['cseq']}\r\nContent-Length: 99999999\r\n\r\n".encode(),
    "negative body": lambda method, h: f"RTSP/1.0 200 OK\r\nCSeq: {h['cseq']}\r\nContent-Length: -5\r\n\r\n".encode(),
    "no status": lambda method, h: b"RTSP/1.0 OK\r\nCSeq: 1\r\n\r\n",
    "elsewhere": lambda method, h: f"RTSP/1.0 302 Moved\r\nCSeq: {h['cseq']}\r\nLocation: rtsp://x/\r\n\r\n".encode(),
    "no such path": lambda method, h: f"RTSP/1.0 404 Not Found\r\nCSeq: {h['cseq']}\r\n\r\n".encode(),
    "no description": lambda method, h: f"RTSP/1.0 200 OK\r\nCSeq: {h['cseq']}\r\n\r\n".encode(),
    "odd channel": lambda method, h: (
        f"RTSP/1.0 200 OK\r\nCSeq: {h['cseq']}\r\nTransport: RTP/AVP/TCP;interleaved=999-x\r\n\r\n".encode()
        if method == "SETUP" else None
    ),
    "cannot do that": lambda method, h: (
        f"RTSP/1.0 461 Unsupported\r\nCSeq: {h['cseq']}\r\n\r\n".encode() if method == "SETUP" else None
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_and_strange_servers_are_refused_with_a_reason(name):
    async def work():
        async with RtspServer(PICTURES, answer=HOSTILE[name]) as server:
            kept = Kept()
            with pytest.raises(MediaError) as refused:
                await RtspSource(server.url).open(kept)
            assert (kept.frames, kept.why) == ([], [])
            while server.ended < 1:  # and the connection is not left behind
                await asyncio.sleep(0.01)
            return str(refused.value)

    assert explain(run(work())) != ""


def test_every_cut_and_bent_answer_ends_well():
    whole = f"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}".encode() + b"$\0\0\4abcd"
    for cut in range(0, len(whole), 7):
        reader = Reader()
        found = reader.feed(whole[:cut]) + reader.feed(whole[cut:])
        assert found[0].body == SDP.encode()
        assert found[1] == Data(0, b"abcd")
        bent = whole[:cut] + b"\0\xff" + whole[cut + 2 :]
        try:
            for one in Reader().feed(bent):
                if getattr(one, "body", b""):
                    read_description(one.body, "rtsp://h/")
        except (RtspError, NotOfferedError):
            pass


def test_descriptions_of_odd_cameras():
    base = "rtsp://10.0.0.1/a?x=1"
    assert join(base, "trackID=1") == base + "/trackID=1"
    assert join(base, "rtsp://192.168.1.1/t") == "rtsp://192.168.1.1/t"
    assert join(base, "/t") == "rtsp://10.0.0.1/t"
    assert join(base, "*") == base
    jpeg = b"m=video 0 RTP/AVP 26\r\nm=audio 0 RTP/AVP 8\r\n"
    with pytest.raises(NotOfferedError, match="26"):
        read_description(jpeg, base)
    picture = b"m=video 0 RTP/AVP 35\na=rtpmap:35 H265/90000\na=fmtp:35 sprop-vps=QAE=;sprop-sps=!!;sprop-pps=RAE=\n"
    video, sound = read_description(picture + b"m=audio 0 RTP/AVP 8\n", base)
    assert video.sets == b"\0\0\0\1\x40\1\0\0\0\1\x44\1"
    assert (sound.codec, sound.clock_hz, sound.control) == ("g711a", 8000, base)
    with pytest.raises(NotOfferedError):
        read_description(picture * 20, base)
    assert adts_header(b"\x2b\x11\x88\x00", 10) == b""  # HE-AAC, which ADTS has no word for


def test_addresses():
    assert read_address("rtsp://10.1.2.3/x").port == 554
    secure = read_address("rtsps://10.1.2.3/x")
    assert (secure.port, secure.secure) == (322, True)
    for wrong in ("http://10.1.2.3/", "rtsp://", "rtsp://u:p@h/", "rtsp://h:99999/", "rtsp://h/a b", "rtsp://[::/"):
        with pytest.raises(NotOfferedError):
            read_address(wrong)
    with pytest.raises(OfflineError, match="unreachable"):
        run(RtspSource("rtsp://127.0.0.1:9/").open(Kept()))
