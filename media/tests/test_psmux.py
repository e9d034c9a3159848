"""Frames that go out: read by our own demuxer, which was written for cameras, and by ffmpeg."""

from __future__ import annotations

import subprocess

from media.rtp.frames import Frame
from media.rtp.packets import Reorder, read_packet
from media.rtp.ps import PsDemuxer
from media.rtp.psmux import PTS_SPAN, Packets, PsMuxer
from media.simulator.clip import drawn
from media.simulator.mux import _crc as by_hand

PICTURES = drawn(4, 3, 10)
H265 = b"\x00\x00\x00\x01\x40\x01\x0c\x01\x00\x00\x00\x01\x26\x01" + b"\x5a" * 200_000


def through(frames):
    """What comes out of packets in their order."""
    muxer, packets, found = PsMuxer(), Packets(7), []
    demuxer, order = PsDemuxer(found.append), Reorder()
    for frame in frames:
        for data in packets.of(muxer.mux(frame), frame.pts):
            assert len(data) <= 1412
            for packet, gap in order.take(read_packet(data)):
                assert (gap, packet.ssrc, packet.type, packet.time) == (False, 7, 96, frame.pts & 0xFFFFFFFF)
                demuxer.feed(packet.payload, last=packet.marker)
    demuxer.end()
    assert (demuxer.damaged, order.lost) == (0, 0)
    return found


def test_what_goes_in_comes_out():
    begin = PTS_SPAN - 10 * 3600  # the counter wraps on the way
    frames = []
    for i, picture in enumerate(PICTURES):
        frames.append(Frame("h264", picture.data, begin + i * 3600, picture.key))
        frames.append(Frame("g711a", bytes([i]) * 320, begin + i * 3600, False))
    found = through(frames)
    assert [(f.codec, f.data, f.key) for f in found if f.video] == [(f.codec, f.data, f.key) for f in frames if f.video]
    assert [f.pts - found[0].pts for f in found if f.video] == [i * 3600 for i in range(20)]
    # Sound is named with the next key frame, and then comes out as it went in.
    assert [f.data for f in found if f.codec == "g711a"][-10:] == [bytes([i]) * 320 for i in range(10, 20)]


def test_a_picture_larger_than_a_packet_of_a_stream_can_be():
    (frame,) = through([Frame("h265", H265, 90_000, True)])
    assert (frame.codec, frame.key, frame.data) == ("h265", True, H265)


def test_nothing_goes_out_that_nobody_could_read():
    muxer = PsMuxer()
    assert muxer.mux(Frame("g711a", b"x", 0, False)) == b""  # nobody begins with sound
    assert muxer.mux(Frame("opus", b"x", 0, False)) == b""
    pack = muxer.mux(Frame("h264", PICTURES[0].data, 0, True))
    at = pack.index(b"\x00\x00\x01\xbc")
    length = 6 + int.from_bytes(pack[at + 4 : at + 6], "big")
    assert by_hand(pack[at : at + length]) == 0  # a CRC over what carries it
    assert b"\x1b\xe0" in pack[at : at + length]
    assert b"\x90\xc0" in pack[at : at + length]
    assert list(Packets(1).of(b"", 0)) == []


def test_ffmpeg_reads_it(tmp_path):
    muxer = PsMuxer()
    frames = [Frame("h264", p.data, 900_000 + i * 3600, p.key) for i, p in enumerate(drawn(8, 6, 25))]
    (tmp_path / "s.mpg").write_bytes(b"".join(map(muxer.mux, frames)))
    wanted = "stream=codec_name,width,nb_read_frames,start_time"
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", wanted, "-of", "csv=p=0", "s.mpg"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout.strip(), done.stderr) == ("h264,128,10.000000,50", "")
