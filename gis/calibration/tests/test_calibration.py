"""Transformations from control points against truths that were made by PROJ, and against fits repeated by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Transformer

from gis.calibration.choice import compare, estimate_model
from gis.calibration.models import Model, fit_plane
from gis.calibration.pipeline import ARC_SECOND, conversions, pipeline_of
from gis.calibration.points import ControlPoints, Plane
from gis.calibration.quality import exceedance
from gis.calibration.sources import Source
from gis.exceptions import CalibrationError

METRES = Source(degrees=False)
KRASOVSKY = Source(degrees=True, ellipsoid="krass")
LON, LAT = np.random.default_rng(5).uniform([[121.0], [30.8]], [[122.0], [31.8]], (2, 15))
NONE = np.full(15, np.nan)


def city_grid(lon, lat):
    """A made-up independent grid: its own meridian, turned by 0.3 degrees and moved."""
    step = "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=tmerc +lon_0=121.5 +ellps=GRS80"
    x, y = Transformer.from_pipeline(step).transform(lon, lat)
    turn = np.radians(0.3)
    return np.column_stack(
        [np.cos(turn) * x - np.sin(turn) * y + 5_000, np.sin(turn) * x + np.cos(turn) * y - 3_400_000]
    )


def points(source, noise_m=0.0, seed=1, count=15):
    noise = np.random.default_rng(seed).normal(0, noise_m, (15, 2))
    names = tuple(f"P{i}" for i in range(15))
    given = ControlPoints(names, source + noise, np.column_stack([LON, LAT]), NONE, NONE)
    return given.only(np.arange(15) < count)


def degrees_apart_m(lon, lat, other_lon, other_lat):
    return np.hypot((lon - other_lon) * np.cos(np.radians(lat)), lat - other_lat) * 111_320


def round_trip_m(candidate, x, y, unit_m):
    to_source, to_degrees = conversions(candidate.pipeline, unit_m > 1)
    back = to_source(*to_degrees(x, y))
    return np.abs(np.subtract(back, (x, y))).max() * unit_m


def test_a_turned_city_grid_is_found_to_a_hundredth_of_a_millimetre():
    given = points(city_grid(LON, LAT))
    choice = compare(given, METRES)
    found = choice.of(Model.SIMILARITY)
    # Amid the points the plane's meridian is the middle of theirs: what is left is the scale across 0.05 degrees.
    assert found.rms_m < 0.05 and not found.outliers
    assert choice.better_meridian is not None and choice.better_meridian[0] == pytest.approx(121.5, abs=2e-4)
    assert compare(given, METRES, 121.5).better_meridian is None
    exact = fit_plane(given, Model.SIMILARITY, Plane(121.5))
    assert np.abs(exact.estimate.residuals_m).max() < 1e-5
    assert exact.parameters["b"] == pytest.approx(np.cos(np.radians(0.3)), abs=1e-9)
    lon, lat = conversions(pipeline_of(exact), False)[1](*city_grid(LON, LAT).T)
    assert degrees_apart_m(lon, lat, LON, LAT).max() < 1e-5


@pytest.mark.parametrize("model", [Model.SIMILARITY, Model.AFFINE])
def test_residuals_and_leave_one_out_are_what_repeating_the_fit_gives(model):
    given = points(city_grid(LON, LAT), noise_m=0.02)
    plane = Plane.amid(LON)
    fit = fit_plane(given, model, plane)
    lon, lat = conversions(pipeline_of(fit), False)[1](*given.source.T)
    miss = plane.from_degrees(LON, LAT) - plane.from_degrees(lon, lat)
    assert np.abs(miss - fit.estimate.residuals_m).max() < 1e-6
    for i in (0, 7):
        others = given.only(np.arange(15) != i)
        lon, lat = conversions(pipeline_of(fit_plane(others, model, plane)), False)[1](*given.source[i : i + 1].T)
        miss = plane.from_degrees(LON[i : i + 1], LAT[i : i + 1]) - plane.from_degrees(lon, lat)
        assert np.abs(miss[0] - fit.estimate.left_out_m[i]).max() < 1e-6


@pytest.mark.parametrize("heights", [True, False])
def test_bursa_wolf_finds_the_parameters_it_was_made_with(heights):
    made = "+x=-12.5 +y=130 +z=80 +rx=10 +ry=-6 +rz=0.5 +s=4 +exact +convention=position_vector"
    steps = (
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=GRS80 +step +inv "
        f"+proj=helmert {made} +step +inv +proj=cart +ellps=krass +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    height = np.linspace(3, 60, 15)
    lon, lat, source_height = Transformer.from_pipeline(steps).transform(LON, LAT, height)
    given = ControlPoints(
        tuple(map(str, range(15))),
        np.column_stack([lon, lat]),
        np.column_stack([LON, LAT]),
        source_height if heights else NONE,
        height if heights else NONE,
    )
    choice = compare(given, KRASOVSKY)
    found = choice.of(Model.BURSA_WOLF)
    assert choice.recommended is Model.BURSA_WOLF and found.fit is not None
    assert {c.obstacle for c in choice.candidates if c is not found} == {"degrees"}
    if heights:
        p = found.fit.parameters
        assert [p["tx"], p["ty"], p["tz"]] == pytest.approx([-12.5, 130, 80], abs=1e-3)
        assert [p[f"r{a}"] / ARC_SECOND for a in "xyz"] == pytest.approx([10, -6, 0.5], abs=1e-4)
        assert (p["scale"] - 1) * 1e6 == pytest.approx(4, abs=1e-4)
    assert found.rms_m < (1e-6 if heights else 1e-2)
    # Heights are lost on the way and the plane still comes back.
    assert round_trip_m(found, lon, lat, 111_320) < 1e-6


def test_bursa_wolf_from_a_projected_source_comes_back():
    source = Source(
        degrees=False, ellipsoid="krass", projection="+proj=tmerc +lat_0=0 +lon_0=120 +k=1 +x_0=500000 +y_0=0"
    )
    source.check()
    steps = "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=tmerc +lon_0=120 +x_0=500000"
    x, y = Transformer.from_pipeline(f"{steps} +ellps=krass").transform(LON - 0.0008, LAT + 0.0003)
    given = points(np.column_stack([x, y]))
    found = compare(given, source).of(Model.BURSA_WOLF)
    assert found.rms_m < 0.2
    assert round_trip_m(found, x, y, 1.0) < 1e-3


def test_an_outlier_is_marked_even_behind_another():
    source = city_grid(LON, LAT)
    source[3] += [0.9, -0.4]
    source[11] += [-0.5, 0.8]
    found = compare(points(source, noise_m=0.02), METRES).of(Model.SIMILARITY)
    assert set(found.outliers) == {3, 11}
    assert found.chance[3] < 0.05
    clean = compare(points(city_grid(LON, LAT), noise_m=0.02), METRES)
    assert all(not candidate.outliers for candidate in clean.candidates)


def test_honest_errors_are_rarely_called_outliers():
    """One in a hundred sets at most, by the level of significance; here two in sixty are let pass."""
    marked = sum(
        bool(compare(points(city_grid(LON, LAT), noise_m=0.05, seed=seed), METRES).of(Model.AFFINE).outliers)
        for seed in range(60)
    )
    assert marked <= 2


def test_the_model_that_the_points_support():
    assert compare(points(city_grid(LON, LAT), noise_m=0.02), METRES).recommended is Model.SIMILARITY
    sheared = city_grid(LON, LAT) @ np.array([[1.0, 4e-4], [0.0, 1.0003]])
    assert compare(points(sheared, noise_m=0.02), METRES).recommended is Model.AFFINE
    few = compare(points(city_grid(LON, LAT), count=2), METRES)
    assert few.recommended is None
    assert [c.obstacle for c in few.candidates] == ["no_redundancy", "few_points", "no_ellipsoid"]
    line = points(city_grid(LON, LAT))
    along = np.column_stack([np.linspace(0, 50_000, 15), np.linspace(0, 30_000, 15)])
    lined = ControlPoints(line.names, along, line.target, NONE, NONE)
    assert compare(lined, METRES).of(Model.AFFINE).obstacle == "on_a_line"


def test_too_few_points_do_not_determine_a_model():
    for model, count in ((Model.SIMILARITY, 1), (Model.AFFINE, 2), (Model.BURSA_WOLF, 2)):
        with pytest.raises(np.linalg.LinAlgError):
            estimate_model(points(city_grid(LON, LAT), count=count), KRASOVSKY, Plane(121.5), model)


def test_the_f_distribution_agrees_with_its_closed_form_and_tables():
    ratio = np.array([0.0, 0.3, 1.0, 4.0, 100.0])
    assert exceedance(ratio, 2, 10) == pytest.approx((1 + ratio / 5) ** -5.0, rel=1e-9)
    # Critical values of common tables, level 5 %.
    for numerator, denominator, critical in ((3, 10, 3.708265), (3, 1, 215.7073), (2, 3, 9.552094)):
        assert exceedance(np.array([critical]), numerator, denominator)[0] == pytest.approx(0.05, abs=1e-6)
    assert exceedance(np.array([np.inf]), 2, 5)[0] == 0


@pytest.mark.parametrize(
    "source",
    [
        Source(False, "moon"),
        Source(False, "", "+proj=tmerc +lon_0=120"),
        Source(False, "krass", "+proj=tmerc +nadgrids=/etc/passwd"),
        Source(False, "krass", "+proj=pipeline +step +proj=tmerc"),
        Source(False, "krass", "+proj=tmerc +lon_0=120 +ellps=GRS80"),
        Source(True, "krass", "+proj=tmerc +lon_0=120"),
    ],
)
def test_sources_that_proj_must_not_be_given(source):
    with pytest.raises(CalibrationError):
        source.check()
