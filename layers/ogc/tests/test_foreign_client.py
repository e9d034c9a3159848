"""GDAL's own driver for OGC API Features reads us over HTTP, as QGIS does."""

from __future__ import annotations

import json
import subprocess
import sys

import pyogrio
import pytest

from access.tests.tokens import issue
from layers.ogc.tests.conftest import PASSWORD

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    # The server of the test is begun before a test may say where static files are.
    pytest.mark.filterwarnings("ignore:No directory at"),
]
# A process of its own: the driver waits for the server without letting other threads of its process run.
CLIENT = """
import json, sys, pyogrio
source, options = sys.argv[1], json.loads(sys.argv[2])
pyogrio.set_gdal_config_options({"GDAL_HTTP_TIMEOUT": "30", **options})
def names(layer, **asked):
    return sorted(pyogrio.read_dataframe(source, layer=layer, **asked)["name"])
print(json.dumps({
    "layers": [str(name) for name, _geometry in pyogrio.list_layers(source)],
    "drones": names("kites.drones"),
    "regions": names("regions"),
    "box": names("regions", bbox=(121.6, 31.1, 121.7, 31.2)),
    "where": names("regions", where="name = '西区'"),
    "geometry": pyogrio.read_info(source, layer="kites.drones")["geometry_type"],
}))
"""


def seen_by(url, **options):
    client = [sys.executable, "-W", "ignore", "-c", CLIENT, f"OAPIF:{url}/ogc", json.dumps(options)]
    done = subprocess.run(client, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.skipif("OAPIF" not in pyogrio.list_drivers(), reason="this GDAL has no driver for OGC API Features")
def test_gdal_reads_what_the_scope_shows(live_server, person):
    _row, token = issue(person, "gdal", 1)
    for options in (
        {"GDAL_HTTP_AUTH": "BASIC", "GDAL_HTTP_USERPWD": f"gis:{PASSWORD}"},
        {"GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": token},
    ):
        seen = seen_by(live_server.url, **options)
        assert {"regions", "areas", "alerts", "kites.drones", "kites.rows"} <= set(seen["layers"])
        assert (seen["drones"], seen["geometry"]) == (["巡检无人机"], "Point")
        assert seen["regions"] == ["上海市", "东区", "西区"]
        assert seen["box"] == ["上海市", "东区"]
        assert seen["where"] == ["西区"]
