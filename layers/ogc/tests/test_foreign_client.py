"""GDAL's own driver for OGC API Features reads us over HTTP, as QGIS does."""

from __future__ import annotations

import pyogrio
import pytest

from access.tokens import issue
from layers.ogc.tests.conftest import PASSWORD

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    # The server of the test is begun before a test may say where static files are.
    pytest.mark.filterwarnings("ignore:No directory at"),
]
OPTIONS = ("GDAL_HTTP_AUTH", "GDAL_HTTP_USERPWD", "GDAL_HTTP_HEADERS", "CPL_VSIL_CURL_CACHE_SIZE")


@pytest.fixture
def gdal(live_server, person):
    if "OAPIF" not in pyogrio.list_drivers():
        pytest.skip("this GDAL has no driver for OGC API Features")
    pyogrio.set_gdal_config_options({"GDAL_HTTP_AUTH": "BASIC", "GDAL_HTTP_USERPWD": f"gis:{PASSWORD}"})
    yield f"OAPIF:{live_server.url}/ogc"
    pyogrio.set_gdal_config_options(dict.fromkeys(OPTIONS))


def read(source, layer, **options):
    return sorted(pyogrio.read_dataframe(source, layer=layer, **options)["name"])


def test_gdal_reads_what_the_scope_shows(gdal, person, place):
    layers = {name for name, _geometry in pyogrio.list_layers(gdal)}
    assert {"regions", "areas", "alerts", "kites.drones", "kites.rows"} <= layers
    assert read(gdal, "kites.drones") == ["巡检无人机"]
    assert read(gdal, "regions") == ["上海市", "东区", "西区"]
    assert read(gdal, "regions", bbox=(121.6, 31.1, 121.7, 31.2)) == ["上海市", "东区"]
    assert read(gdal, "regions", where="name = '西区'") == ["西区"]
    info = pyogrio.read_info(gdal, layer="kites.drones")
    assert info["geometry_type"] == "Point" and info["features"] == 1
    _row, token = issue(person, "gdal", 1)
    pyogrio.set_gdal_config_options(
        {"GDAL_HTTP_AUTH": None, "GDAL_HTTP_USERPWD": None, "GDAL_HTTP_HEADERS": f"Authorization: Bearer {token}"}
    )
    assert read(gdal, "kites.rows") == ["西侧围栏"]
