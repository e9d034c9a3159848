"""A model in ONNX as an analyser: what goes in and comes out is told by its settings (``docs/protocols/analysers.md``).

Nothing is claimed about how well a model recognises anything: that is its maker's, and has to be measured on the spot.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from media.analysis.interface import MOST_LABEL, Analyser, AnalyserError, Box, Picture, Seen, overlap

LAYOUTS = ("classes", "logits", "boxes", "grid")
OVERLAP = 0.45
"""Of two boxes of the same label that share more than this, the surer counts."""
MOST_BOXES = 50
GREY = 114
LEAST = 0.05
"""Nobody asks for less; thousands of boxes that mean nothing are not compared with each other."""

Floats = NDArray[np.float32]


class OnnxModel:
    """Looks with a model.

    Parameters
    ----------
    settings : mapping
        ``file``, ``labels`` (paths), ``sha256`` (of the model's file), ``width``, ``height`` (of its input, pixels),
        ``layout`` (one of :data:`LAYOUTS`).

    Raises
    ------
    AnalyserError
        The runtime is not installed, the file is another one, or it is no model of that input.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise AnalyserError("没有安装 onnxruntime。请重新运行 ./sandtable up，或在平台的环境里安装它。") from None
        data = _read(Path(settings["file"]), str(settings["sha256"]))
        self._labels = _labels(Path(settings["labels"]))
        self._layout = str(settings["layout"])
        if self._layout not in LAYOUTS:
            raise AnalyserError(f"输出格式只能是 {'、'.join(LAYOUTS)}。")
        self._size = int(settings["width"]), int(settings["height"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a processor is there for cameras, too
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise AnalyserError(f"模型文件无法加载：{error}"[:400]) from None
        inputs = self._session.get_inputs()
        width, height = self._size
        wanted = (1, 3, height, width)
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or not _fits(inputs[0].shape, wanted):
            told = "；".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise AnalyserError(f"模型的输入应是一个 float32 张量 {list(wanted)}，而它是：{told}")
        self._input = inputs[0].name
        self._output = self._session.get_outputs()[0].name

    def look(self, picture: Picture) -> list[Seen]:
        """What the model finds.

        Raises
        ------
        ValueError
            Its output is not of the layout that was set.
        """
        if self._layout in ("classes", "logits"):
            out = self._run(np.asarray(Image.fromarray(picture.rgb).resize(self._size)))
            return self._classes(out)
        tensor, scale, left, top = letterboxed(picture.rgb, self._size)
        height, width = picture.rgb.shape[:2]
        out = self._run(tensor)
        corners, sure, labels = _of_boxes(out) if self._layout == "boxes" else _of_grid(out)
        shift = np.array([left, top, left, top], np.float32)
        size = np.array([width, height, width, height], np.float32)
        corners = np.asarray((corners - shift) / np.float32(scale) / size, np.float32)
        return self._boxes(corners, sure, labels)

    def _run(self, rgb: NDArray[np.uint8]) -> Floats:
        tensor = np.ascontiguousarray(rgb.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        out = np.asarray(self._session.run([self._output], {self._input: tensor})[0], np.float32)
        if not np.isfinite(out).all():
            raise ValueError("the model's output holds numbers that are none")
        return out

    def _classes(self, out: Floats) -> list[Seen]:
        if out.size != len(self._labels):
            raise ValueError(f"the model gives {out.size} numbers, there are {len(self._labels)} labels")
        scores: NDArray[Any] = out.reshape(-1)
        if self._layout == "logits":
            scores = np.exp(scores - scores.max())
            scores = scores / scores.sum()
        best = int(scores.argmax())
        return self._named(best, float(scores[best]), Box(0.0, 0.0, 1.0, 1.0))

    def _boxes(self, corners: Floats, sure: Floats, labels: NDArray[np.int64]) -> list[Seen]:
        """The surest of boxes that mean the same thing; corners in parts of the picture."""
        found: list[Seen] = []
        taken: dict[int, list[Box]] = {}
        for at in np.argsort(-sure, kind="stable"):
            if sure[at] < LEAST or len(found) >= MOST_BOXES:
                break
            left, top, right, bottom = (float(edge) for edge in np.clip(corners[at], 0, 1))
            box, label = Box(left, top, right - left, bottom - top), int(labels[at])
            if box.width <= 0 or box.height <= 0:
                continue
            if any(overlap(box, other) > OVERLAP for other in taken.get(label, ())):
                continue
            if named := self._named(label, float(sure[at]), box):
                taken.setdefault(label, []).append(box)
                found += named
        return found

    def _named(self, number: int, confidence: float, box: Box) -> list[Seen]:
        if not 0 <= number < len(self._labels):
            raise ValueError(f"the model gives label {number}, there are {len(self._labels)}")
        label = self._labels[number]
        return [] if label == "-" else [Seen(label, min(1.0, max(0.0, confidence)), box)]


def letterboxed(rgb: NDArray[np.uint8], size: tuple[int, int]) -> tuple[NDArray[np.uint8], float, int, int]:
    """A picture made to fit without changing its shape, grey around it; and scale, left and upper margin in pixels."""
    height, width = rgb.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas = np.full((size[1], size[0], 3), GREY, np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = np.asarray(Image.fromarray(rgb).resize(inner))
    return canvas, scale, left, top


def _of_boxes(out: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Rows of left, top, right, bottom (pixels of the input), confidence, label."""
    rows = out.reshape(-1, out.shape[-1]) if out.ndim else out
    if rows.ndim != 2 or rows.shape[1] != 6:
        raise ValueError(f"layout 'boxes' wants [1, n, 6], the model gives {list(out.shape)}")
    return rows[:, :4], rows[:, 4], np.rint(rows[:, 5]).astype(np.int64)


def _of_grid(out: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Columns of middle x, middle y, width, height (pixels of the input), and a confidence for each label."""
    if out.ndim != 3 or out.shape[0] != 1 or out.shape[1] < 5:
        raise ValueError(f"layout 'grid' wants [1, 4 + labels, n], the model gives {list(out.shape)}")
    rows = out[0].T
    half = rows[:, 2:4] / 2
    corners = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
    labels = rows[:, 4:].argmax(axis=1)
    return corners, rows[np.arange(len(rows)), 4 + labels], labels.astype(np.int64)


def _read(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AnalyserError(f"读不到模型文件 {path.name}：{error.strerror}") from None
    found = hashlib.sha256(data).hexdigest()
    if not hmac.compare_digest(found, sha256.lower()):
        raise AnalyserError(f"模型文件 {path.name} 的校验值是 {found}，与登记的不同：文件被换过或不完整。")
    return data


def _labels(path: Path) -> list[str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AnalyserError(f"读不到标签文件 {path.name}：{type(error).__name__}") from None
    labels = [line.strip() for line in lines if line.strip()]
    if not labels or any(len(label) > MOST_LABEL for label in labels):
        raise AnalyserError(f"标签文件 {path.name} 每行一个标签，最长 {MOST_LABEL} 字。")
    return labels


def _fits(shape: list[Any], wanted: tuple[int, ...]) -> bool:
    """Whether a model's input may be of that shape; names stand for any number."""
    return len(shape) == len(wanted) and all(
        not isinstance(has, int) or has == want for has, want in zip(shape, wanted, strict=True)
    )


def make(settings: Mapping[str, Any]) -> Analyser:
    """See :data:`media.analysis.interface.Make`."""
    return OnnxModel(settings)
