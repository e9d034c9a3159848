"""Analysers for tests, of good health and ill; named by their processes' entries."""

from __future__ import annotations

import os
import time

from media.analysis.interface import Box, Seen


class Red:
    """Finds the middle of what is red, nothing where nothing is."""

    def look(self, picture):
        rgb = picture.rgb.astype(int)
        red = (rgb[..., 0] > 150) & (rgb[..., 1] < 100) & (rgb[..., 2] < 100)
        if not red.any():
            return
        height, width = red.shape
        rows, columns = red.any(axis=1).nonzero()[0], red.any(axis=0).nonzero()[0]
        left, top = columns[0] / width, rows[0] / height
        box = Box(left, top, (columns[-1] + 1) / width - left, (rows[-1] + 1) / height - top)
        yield Seen("红", 0.9, box)
        yield Seen("不确定", 0.2, box)


class Ill:
    """Does what ``settings["how"]`` says."""

    def __init__(self, how):
        self.how = how

    def look(self, picture):
        if self.how == "dies":
            os.abort()
        if self.how == "hangs":
            time.sleep(600)
        if self.how == "throws":
            raise RuntimeError("没有力气")
        if self.how == "talks":
            print("not an answer")
            return [Seen(" ".join(sorted(os.environ)), 1.0)]
        return [Seen("x", float(self.how))]


def red(_settings):
    return Red()


def ill(settings):
    return Ill(settings["how"])
