"""What the tests of analysers share: pictures with something red in them, as a camera sends them and as files."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache

import av
import numpy as np
from PIL import Image

from media.rtp.frames import Frame

SIZE = (160, 96)


def drawn(red=(), size=SIZE):
    """Grey with a red rectangle (left, top, width, height in pixels): uint8[height, width, 3]."""
    rgb = np.full((size[1], size[0], 3), 120, np.uint8)
    rgb[::8] = 90
    if red:
        left, top, width, height = red
        rgb[top : top + height, left : left + width] = (220, 20, 20)
    return rgb


def png(rgb):
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG")
    return out.getvalue()


@cache
def sent(*reds):
    """Access units of H.264 in Annex B, one a picture, each with parameter sets; the first is a key frame."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *SIZE, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    encoder.gop_size = 50
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "12"}
    packets = []
    for at, red in enumerate(reds):
        frame = av.VideoFrame.from_ndarray(drawn(red), "rgb24").reformat(format="yuv420p")
        frame.pts = at
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets + [bytes(packet) for packet in encoder.encode(None)]


def film(path, reds, rate=5):
    """A file with one picture for each."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "12"}
        for red in reds:
            frame = av.VideoFrame.from_ndarray(drawn(red), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


class Shown:
    """A stream of one picture, for whoever joins it; what it shows can be changed."""

    def __init__(self, red=()):
        self.red, self.sinks, self.joins, self.pts = red, [], 0, 0

    async def join(self, _channel, sink):
        self.joins += 1
        self.sinks.append(sink)
        self.send(sink)
        outer = self

        class Joined:
            def leave(self):
                if sink in outer.sinks:
                    outer.sinks.remove(sink)

        return Joined()

    def send(self, *sinks):
        """Another key frame."""
        self.pts += 90_000
        for sink in sinks or list(self.sinks):
            sink.frame(Frame("h264", sent(self.red)[0], self.pts, True))

    def show(self, red=()):
        self.red = red
        self.send()
