"""Files that play round and round."""

from __future__ import annotations

import asyncio
import itertools

import av
import pytest

from media.exceptions import NotOfferedError
from media.rtp.frames import nal_types
from media.simulator.clip import drawn
from media.sources import files
from media.sources.files import FileSource, Reel, find_file
from media.tests.test_sources_rtsp import Kept, run

PICTURES = drawn(4, 3, 5)


@pytest.fixture
def folder(tmp_path):
    """Clips of ten pictures in three containers, muxed from what no encoder has made."""
    root = tmp_path / "video"
    root.mkdir()
    raw = tmp_path / "clip.h264"
    raw.write_bytes(b"".join(picture.data for picture in PICTURES))
    for ending in ("mp4", "ts", "mkv"):
        with av.open(str(raw), options={"framerate": "50"}) as source, av.open(str(root / f"a.{ending}"), "w") as out:
            stream = out.add_stream_from_template(source.streams.video[0])
            for i, packet in enumerate(source.demux(video=0)):
                if packet.size:
                    packet.stream = stream
                    packet.pts = packet.dts = i * packet.time_base.denominator // packet.time_base.numerator // 50
                    out.mux(packet)
    return root


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.mkv"])
def test_a_file_goes_round_with_times_that_grow(folder, name):
    reel = Reel(folder / name)
    units = []
    while len(units) < 35:
        units += reel.more()
    reel.close()
    frames = [unit.frame for unit in units]
    assert [frame.key for frame in frames[:20]] == [True, *[False] * 4] * 4
    assert {frame.codec for frame in frames} == {"h264"}
    assert 7 in nal_types(frames[10].data, "h264")  # parameter sets at every key frame, start codes everywhere
    assert all(frame.data.startswith((b"\0\0\0\1", b"\0\0\1")) for frame in frames)
    steps = {later.pts - earlier.pts for earlier, later in itertools.pairwise(frames)}
    assert steps <= {1799, 1800, 1801}


def test_it_is_sent_at_its_own_pace_until_stopped(folder):
    async def work():
        kept = Kept(15)
        begun = asyncio.get_running_loop().time()
        running = await FileSource(folder, "a.mp4").open(kept)
        await kept.full.wait()
        took = asyncio.get_running_loop().time() - begun
        await running.stop()
        await running.stop()
        count = len(kept.frames)
        await asyncio.sleep(0.05)
        assert len(kept.frames) == count
        await FileSource(folder, "a.mp4").answers()
        return took

    assert run(work()) >= 14 / 50 - 0.03


def test_only_files_of_the_folder_are_opened(folder, tmp_path):
    (tmp_path / "out.mp4").write_bytes((folder / "a.mp4").read_bytes())
    (folder / "link.mp4").symlink_to(tmp_path / "out.mp4")
    (folder / "list.txt").write_text("x")
    outside = (
        "../out.mp4",
        str(tmp_path / "out.mp4"),
        "link.mp4",
        "none.mp4",
        "",
        ".",
        "a\0.mp4",
        "list.txt",
        "x" * 999,
    )
    for name in outside:
        with pytest.raises(NotOfferedError):
            find_file(folder, name)


def test_what_is_no_video_or_is_cut_ends_with_a_reason(folder, monkeypatch):
    whole = (folder / "a.ts").read_bytes()
    (folder / "list.mp4").write_text("#EXTM3U\nhttp://127.0.0.1/secret\n")
    (folder / "cut.mp4").write_bytes((folder / "a.mp4").read_bytes()[:300])
    (folder / "empty.ts").write_bytes(b"")
    for name in ("list.mp4", "cut.mp4", "empty.ts"):
        with pytest.raises(NotOfferedError, match="unreadable"):
            Reel(folder / name)
    (folder / "cut.ts").write_bytes(whole[: len(whole) // 2] + b"\xff" * 200 + whole[len(whole) // 2 :])
    reel = Reel(folder / "cut.ts")
    assert sum(len(reel.more()) for _ in range(3)) > 5
    (folder / "cut.ts").unlink()  # taken away while it plays

    async def work():
        kept = Kept()
        running = files.Playing(reel, files.Gate(kept))
        await kept.over.wait()
        await running.stop()
        return kept.why

    assert run(work())[0].startswith("file unreadable")
