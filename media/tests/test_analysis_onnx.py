"""Models in ONNX: two tiny ones, trained here, are loaded as they are set, and recognise what they were trained for."""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from media.analysis.interface import AnalyserError, Picture
from media.analysis.onnxmodel import OnnxModel, letterboxed
from media.tests.analysis import drawn

SIDE, CELL = 32, 4


def learnt(x, y, rounds=300, rate=1.0):
    """Logistic regression by steepest descent: weights [k], bias."""
    weights, bias = np.zeros(x.shape[1]), 0.0
    for _ in range(rounds):
        slope = 1 / (1 + np.exp(-(x @ weights + bias))) - y
        weights -= rate * x.T @ slope / len(y)
        bias -= rate * slope.mean()
    return weights, bias


def street(random, red):
    """A noisy picture of the size of the models' input, with something red in it or not; and where."""
    rgb = random.integers(60, 200, (SIDE, SIDE, 3)).astype(np.uint8)
    left, top = random.integers(0, SIDE - 12, 2) // CELL * CELL
    if red:
        rgb[top : top + 12, left : left + 12] = (230, 25, 25)
    return rgb, (left / SIDE, top / SIDE, 12 / SIDE, 12 / SIDE)


def saved(path, nodes, weights, out):
    """A model's file of one input and one output."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, out)],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two models: whether there is something red, and where."""
    folder, random = tmp_path_factory.mktemp("models"), np.random.default_rng(4)
    pixels = random.integers(0, 256, (2000, 3)) / 255
    is_red = (pixels[:, 0] > 0.6) & (pixels[:, 1:].max(axis=1) < 0.4)
    weights, bias = learnt(pixels, is_red, rounds=1500, rate=8)
    pool = helper.make_node("AveragePool", ["image"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL])
    conv = helper.make_node("Conv", ["cells", "w", "b"], ["raw"])
    sure = helper.make_node("Sigmoid", ["raw"], ["sure"])
    learned = {"w": weights.reshape(1, 3, 1, 1).astype(np.float32), "b": np.array([bias], np.float32)}
    count = (SIDE // CELL) ** 2
    middles = (np.arange(SIDE // CELL) + 0.5) * CELL
    across, down = (grid.reshape(-1) for grid in np.meshgrid(middles, middles))
    places = np.stack([across, down, np.full(count, CELL), np.full(count, CELL)]).astype(np.float32)[None]
    saved(
        folder / "grid.onnx",
        [pool, conv, sure, helper.make_node("Reshape", ["sure", "flat"], ["row"]),
         helper.make_node("Concat", ["places", "row"], ["out"], axis=1)],
        {**learned, "flat": np.array([1, 1, count]), "places": places}, [1, 5, count],
    )  # fmt: skip
    # The reddest cell decides; its number is brought to two scores by another regression.
    streets = [street(random, i % 2) for i in range(80)]
    tops = np.array(
        [(rgb.reshape(8, CELL, 8, CELL, 3).mean(axis=(1, 3)).reshape(-1, 3) / 255 @ weights + bias).max()
         for rgb, _box in streets]
    )  # fmt: skip
    slope, shift = learnt(tops[:, None], np.arange(80) % 2)
    saved(
        folder / "classes.onnx",
        [pool, conv, helper.make_node("GlobalMaxPool", ["raw"], ["top"]), helper.make_node("Flatten", ["top"], ["one"]),
         helper.make_node("Gemm", ["one", "w2", "b2"], ["out"])],
        {**learned, "w2": np.array([[0, slope[0]]], np.float32), "b2": np.array([0, shift], np.float32)}, [1, 2],
    )  # fmt: skip
    (folder / "grid.txt").write_text("红色物体\n", "utf-8")
    (folder / "classes.txt").write_text("-\n红色物体\n", "utf-8")
    return folder


def settings(folder, name, layout, **more):
    path = folder / f"{name}.onnx"
    return {
        "file": str(path), "labels": str(folder / f"{name}.txt"), "layout": layout, "width": SIDE, "height": SIDE,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **more,
    }  # fmt: skip


def test_a_trained_model_tells_pictures_it_has_never_seen_apart(folder):
    model, random = OnnxModel(settings(folder, "classes", "logits")), np.random.default_rng(5)
    right = 0
    for i in range(40):
        rgb, _box = street(random, i % 2)
        found = model.look(Picture(rgb, 0, ""))
        right += [seen.label for seen in found] == ["红色物体"] * (i % 2)
        assert all(0.5 <= seen.confidence <= 1 and seen.box == (0, 0, 1, 1) for seen in found)
    assert right >= 38


def test_a_trained_model_says_where_in_a_picture_of_another_shape(folder):
    model = OnnxModel(settings(folder, "grid", "grid"))
    assert not [seen for seen in model.look(Picture(drawn(), 0, "")) if seen.confidence > 0.5]
    found = [seen for seen in model.look(Picture(drawn((60, 20, 40, 40)), 0, "")) if seen.confidence > 0.5]
    assert found
    for seen in found:  # cells of 20 pixels: inside the rectangle or at its edge
        middle = (seen.box.left + seen.box.width / 2) * 160, (seen.box.top + seen.box.height / 2) * 96
        assert 60 - 10 <= middle[0] <= 100 + 10
        assert 20 - 10 <= middle[1] <= 60 + 10


def test_of_boxes_that_mean_the_same_the_surest_counts(folder, monkeypatch):
    model = OnnxModel(settings(folder, "grid", "boxes"))
    rows = [[0, 0, 16, 16, 0.9, 0], [1, 1, 17, 17, 0.8, 0], [20, 20, 30, 30, 0.7, 0], [5, 5, 5, 9, 0.6, 0],
            [0, 0, 9, 9, 0.01, 0]]  # fmt: skip
    monkeypatch.setattr(model, "_run", lambda _rgb: np.array([rows], np.float32))
    found = model.look(Picture(drawn(size=(SIDE, SIDE)), 0, ""))
    assert [round(seen.confidence, 2) for seen in found] == [0.9, 0.7]
    assert found[0].box == (0, 0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("layout", "out"),
    [("boxes", np.zeros((1, 3, 5))), ("grid", np.zeros((1, 4, 9))), ("classes", np.zeros((1, 3))),
     ("boxes", np.array([[[0, 0, 9, 9, 0.9, 7]]])), ("boxes", np.zeros(()))],
)  # fmt: skip
def test_an_output_of_another_layout_is_a_fault_and_not_nothing(folder, monkeypatch, layout, out):
    model = OnnxModel(settings(folder, "grid", layout))
    monkeypatch.setattr(model, "_run", lambda _rgb: out.astype(np.float32))
    with pytest.raises(ValueError, match=r"gives|layout"):
        model.look(Picture(drawn(), 0, ""))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [({"sha256": "0" * 64}, "校验值"), ({"file": "/nowhere.onnx"}, "读不到模型文件"),
     ({"labels": "/no.txt"}, "标签文件"), ({"width": 64}, "输入应是"), ({"layout": "yolo"}, "输出格式")],
)  # fmt: skip
def test_a_model_that_is_not_what_was_registered_is_not_loaded(folder, wrong, why):
    with pytest.raises(AnalyserError, match=why):
        OnnxModel(settings(folder, "grid", "grid") | wrong)


def test_a_file_that_is_no_model_is_not_loaded(folder, tmp_path):
    (tmp_path / "grid.onnx").write_bytes(b"\x08\x09 no model")
    (tmp_path / "grid.txt").write_text("x")
    with pytest.raises(AnalyserError, match="无法加载"):
        OnnxModel(settings(tmp_path, "grid", "grid"))


def test_without_the_runtime_it_says_what_to_do(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(AnalyserError, match="没有安装 onnxruntime"):
        OnnxModel(settings(folder, "grid", "grid"))


def test_letterboxing_keeps_the_shape():
    inner, scale, left, top = letterboxed(drawn(size=(160, 80)), (32, 32))
    assert (inner.shape, scale, left, top) == ((32, 32, 3), 0.2, 0, 8)
    assert (inner[:8] == 114).all()
