"""Abstract tests of OGC API Features Part 3 (19-079r2) and CQL2 (21-065r2); hostile filters."""

from __future__ import annotations

import json

import cql2
import pytest

from twin.models import Area

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
DRONES = "kites.drones"
WEST, EAST, BOTH = {"巡检无人机"}, {"测绘无人机"}, {"巡检无人机", "测绘无人机"}


def test_queryables_resource(door):
    collection = door.json("/collections/kites.rows")
    (link,) = [each for each in collection["links"] if each["rel"].endswith("/queryables")]
    assert link["type"] == "application/schema+json"
    found = door.client.get(link["href"])
    assert found["Content-Type"] == "application/schema+json"
    schema = found.json()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == link["href"].partition("?")[0]
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert schema["properties"]["geometry"] == {
        "title": "图形", "x-ogc-role": "primary-geometry", "format": "geometry-multipolygon",
    }  # fmt: skip
    assert schema["properties"]["z_max_m"] == {"title": "顶高（米）", "type": "number"}
    live = door.json(f"/collections/{DRONES}/queryables")["properties"]
    assert live["time"] == {"title": "定位时间", "type": "string", "format": "date-time"}
    assert "attrs" not in live, "what has no plain value cannot be compared"


def test_queryables_as_parameters(door):
    assert door.names(DRONES, code="UAV-000") == WEST
    assert door.names(DRONES, status="1") == BOTH
    assert door.names(DRONES, status="1", name="测绘无人机") == EAST
    assert door.names(DRONES, time="2026-05-01T08:00:00Z") == WEST
    assert door.refused(f"/collections/{DRONES}/items", status="x")
    assert door.refused(f"/collections/{DRONES}/items", attrs="x")


CASES = [
    # basic-cql2
    ("code = 'UAV-000'", WEST),
    ("code <> 'UAV-000'", EAST),
    ("heading_deg > 89.5 AND heading_deg < 90.5", BOTH),
    ("heading_deg >= 90 AND heading_deg <= 90", BOTH),
    ("code = 'UAV-000' OR code = 'UAV-001'", BOTH),
    ("NOT code = 'UAV-000'", EAST),
    ("NOT (code = 'UAV-000' OR code = 'UAV-001')", set()),
    ("alt_m IS NULL", BOTH),
    ("alt_m IS NOT NULL", set()),
    ("time > TIMESTAMP('2026-05-01T12:00:00Z')", EAST),
    ("time = TIMESTAMP('2026-05-01T16:00:00+08:00')", WEST),
    ("time < DATE('2026-05-02')", WEST),
    ("TRUE", BOTH),
    ("FALSE", set()),
    ("code = 'UAV-000' OR code = 'UAV-001' AND name = 'x'", WEST),
    ("\"code\" = 'UAV-000'", WEST),
    ("name = 'it''s'", set()),
    # advanced-comparison-operators
    ("code LIKE 'UAV%'", BOTH),
    ("code LIKE '%-00_'", BOTH),
    ("code NOT LIKE '%0'", EAST),
    (r"code LIKE 'UAV\_000'", set()),
    ("heading_deg BETWEEN 80 AND 100", BOTH),
    ("heading_deg NOT BETWEEN 80 AND 100", set()),
    ("code IN ('UAV-000', 'x')", WEST),
    ("code NOT IN ('UAV-000')", EAST),
    ("status IN (1, 2)", BOTH),
    # case- and accent-insensitive-comparison
    ("CASEI(code) = CASEI('uav-000')", WEST),
    ("CASEI(code) LIKE casei('uav-00%')", BOTH),
    ("CASEI(code) IN (CASEI('uaV-001'))", EAST),
    ("ACCENTI(code) = ACCENTI('UÁV-000')", WEST),
    ("ACCENTI(CASEI(code)) = ACCENTI(CASEI('üäv-000'))", WEST),
    # property-property, arithmetic
    ("code = name", set()),
    ("heading_deg = heading_deg", BOTH),
    ("'UAV-000' = code", WEST),
    ("1 = 1", BOTH),
    ("heading_deg + 10 * 2 = 110", BOTH),
    ("(heading_deg + 10) * 2 = 200", BOTH),
    ("heading_deg / 2 - 5 = 40", BOTH),
    ("heading_deg % 7 = 6", BOTH),
    ("heading_deg DIV 7 = 12", BOTH),
    ("2 ^ 3 = 8", BOTH),
    ("-heading_deg < 0", BOTH),
    # temporal-functions: the machine of the west on May 1st, of the east on May 2nd, at eight
    ("T_AFTER(time, TIMESTAMP('2026-05-01T08:00:00Z'))", EAST),
    ("T_BEFORE(time, DATE('2026-05-02'))", WEST),
    ("T_EQUALS(time, TIMESTAMP('2026-05-02T08:00:00Z'))", EAST),
    ("T_DURING(time, INTERVAL('2026-05-01','2026-05-02'))", WEST),
    ("T_DURING(time, INTERVAL('..','2026-05-02'))", WEST),
    ("T_INTERSECTS(time, INTERVAL('2026-05-02T08:00:00Z','..'))", EAST),
    ("T_DISJOINT(time, INTERVAL('2026-05-02T08:00:00Z','..'))", WEST),
    ("T_CONTAINS(INTERVAL('2026-05-01','2026-05-03'), time)", BOTH),
    ("T_STARTS(INTERVAL(time, time), INTERVAL('2026-05-01T08:00:00Z','2026-06-01'))", WEST),
    ("T_STARTEDBY(INTERVAL('2026-05-01T08:00:00Z','2026-06-01'), time)", WEST),
    ("T_FINISHES(time, INTERVAL('2026-01-01','2026-05-02T08:00:00Z'))", EAST),
    ("T_FINISHEDBY(INTERVAL('2026-01-01','2026-05-02T08:00:00Z'), time)", EAST),
    ("T_MEETS(INTERVAL('2026-01-01T00:00:00Z',time), INTERVAL('2026-05-01T08:00:00Z','..'))", WEST),
    ("T_METBY(INTERVAL(time,'..'), INTERVAL('2026-01-01','2026-05-01T08:00:00Z'))", WEST),
    ("T_OVERLAPS(INTERVAL('2026-05-01',time), INTERVAL('2026-05-01T10:00:00Z','..'))", EAST),
    ("T_OVERLAPPEDBY(INTERVAL(time,'2026-06-01'), INTERVAL('2026-05-01','2026-05-02'))", WEST),
    # spatial
    ("S_INTERSECTS(geometry, BBOX(121,31,121.5,32))", WEST),
    ("S_INTERSECTS(geometry, POINT(121.25 31.2))", WEST),
    ("S_EQUALS(geometry, POINT(121.75 31.2))", EAST),
    ("S_DISJOINT(geometry, BBOX(121,31,121.5,32))", EAST),
    ("S_WITHIN(geometry, POLYGON((121 31,121.5 31,121.5 32,121 32,121 31)))", WEST),
    ("S_WITHIN(geometry, MULTIPOLYGON(((121 31,121.5 31,121.5 32,121 32,121 31))))", WEST),
    ("S_CONTAINS(BBOX(121,31,121.5,32), geometry)", WEST),
    ("S_TOUCHES(geometry, LINESTRING(121.25 31.2,121.3 31.3))", WEST),
    ("S_INTERSECTS(geometry, MULTIPOINT((121.25 31.2),(0 0)))", WEST),
    ("S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(121.25 31.2),POINT(0 0)))", WEST),
]


def test_cql2_text_and_json(door):
    for text, names in CASES:
        assert door.names(DRONES, filter=text) == names, text
        tree = json.dumps(cql2.parse_text(text).to_json())
        assert door.names(DRONES, filter=tree, filter_lang="cql2-json") == names, tree


def test_spatial_functions_of_polygons(door):
    """The fence of the west: 121.15 to 121.35 east, 31.1 to 31.3 north."""
    crossing = "S_CROSSES(geometry, LINESTRING(121 31.2,121.25 31.2))"
    overlapping = "S_OVERLAPS(geometry, BBOX(121,31.15,121.2,31.2))"
    touching = "S_TOUCHES(geometry, BBOX(121,31.15,121.15,31.2))"
    for text in (crossing, overlapping, touching):
        assert door.names("areas", filter=text) == {"西侧围栏"}


def test_filter_goes_with_the_other_parameters(door):
    assert door.names(DRONES, filter="status = 1", bbox="121,31,121.5,32") == WEST
    assert door.names(DRONES, filter="status = 1", datetime="2026-05-02") == EAST
    found = door.json(f"/collections/{DRONES}/items", filter="status = 1", limit=1)
    (following,) = [each["href"] for each in found["links"] if each["rel"] == "next"]
    assert "filter=status" in following
    assert door.client.get(following, headers={"accept": "application/json"}).json()["numberMatched"] == 2


SQL = [
    "code = 'x'; DROP TABLE twin_asset",
    "code = 'x' OR 1=1 --",
    "code = 'x' UNION SELECT password FROM access_user",
    "pg_sleep(5) = 1",
    "PG_READ_FILE('/etc/passwd') = 'x'",
    "password = 'x'",
    "a.code = 'UAV-000'",
    '"code"" = \'x\' OR ""1" = \'1\'',
    "(SELECT 1) = 1",
    "code = $$x$$",
    "code::text = 'x'",
    "o.name = 'x'",
]
WRONG = [
    "", " ", "code", "code =", "= 1", "code = 1", "heading_deg = 'x'", "code > TRUE", "code LIKE 1", "geometry = 1",
    "S_INTERSECTS(code, POINT(1 2))", "S_INTERSECTS(geometry, 'x')",
    "S_INTERSECTS(geometry, POLYGON((0 0,1 1,0 1,1 0,0 0)))",
    "S_INTERSECTS(geometry, POINT(1))", "S_INTERSECTS(geometry, BBOX(1,91,2,95))", "S_NEAR(geometry, POINT(1 2))",
    "time > TIMESTAMP('yesterday')", "time > DATE('2026-13-01')", "time > 5", "T_AFTER(code, DATE('2026-01-01'))",
    "T_AFTER(time, INTERVAL('a','b'))", "heading_deg / 0 = 1", "heading_deg % 0 = 1", "10 ^ 400 = 1",
    "code BETWEEN 1 AND 'x'",
    "code IN ()", "name IN (1)", "NOT code", "code AND name", "CASEI(heading_deg) = 'x'", "foo(code) = 1",
    "1 + code = 2",
    "((code = 'x')", "code = 'x'))", "code = 'x", "名字 = '焊机'",
]  # fmt: skip


def test_what_makes_no_sense_is_refused_and_says_so(door):
    for text in (*SQL, *WRONG):
        said = door.refused(f"/collections/{DRONES}/items", filter=text)
        assert said and "Traceback" not in said and "SELECT a." not in said
    assert Area.objects.count() == 2


HOSTILE = [
    "(" * 60 + "code = 'x'" + ")" * 60,
    "x=(" * 40,
    "(" * 5000,
    "NOT " * 4000 + "TRUE",
    "heading_deg = " + "-" * 8000 + "1",
    "heading_deg = " + "- " * 5000 + "1",
    "f(" * 300 + "1" + ")" * 300 + " = 1",
    "code = '" + "x" * 20_000 + "'",
    "(code='x' AND " * 11 + "code=" + ")" * 11,
    "(" * 12 + "code='x' OR " * 1200 + "code=" + ")" * 12,
    "GEOMETRYCOLLECTION(" * 500,
    "NOT (" * 60 + "TRUE" + ")" * 60,
    "S_INTERSECTS(geometry, " + "(" * 200 + ")",
]


def test_hostile_filters_are_refused(door):
    """Each of them would have the reader go every way out of each bracket again, or run out of stack."""
    for text in HOSTILE:
        assert door.refused(f"/collections/{DRONES}/items", filter=text)


JSON = [
        "{", "[]", "1", '"x"', "null", "{}", '{"op":"and"}', '{"op":"and","args":[true]}', '{"op":5,"args":[1]}',
        '{"op":"=","args":[{"property":"password"},"x"]}', '{"op":"=","args":[{"property":["code"]},"x"]}',
        '{"op":"=","args":[{"property":"code"}]}', '{"op":"; DROP TABLE x","args":[1,2]}',
        '{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Polygon","coordinates":[[[0,0],[1,1]]]}]}',
        '{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Point","coordinates":["a","b"]}]}',
        '{"op":"s_intersects","args":[{"property":"geometry"},{"bbox":[1,2]}]}',
        '{"op":"=","args":[{"property":"heading_deg"},1e999]}', '{"op":"=","args":[NaN,1]}',
        '{"op":"not","args":[' * 200 + "true" + "]}" * 200, "[" * 10_000,
]  # fmt: skip


def test_hostile_json_is_refused(door):
    for text in JSON:
        assert door.refused(f"/collections/{DRONES}/items", filter=text, filter_lang="cql2-json")


def test_long_but_plain_filters_are_served(door):
    long = " OR ".join(f"code = 'UAV-{i:03}'" for i in range(400))
    assert door.names(DRONES, filter=long) == BOTH
    ring = ", ".join(
        f"{121.25 + dx} {31.2 + dy}" for dx, dy in ((-0.1, -0.1), (0.1, -0.1), (0.1, 0.1), (-0.1, 0.1), (-0.1, -0.1))
    )
    assert door.names(DRONES, filter=f"((((S_INTERSECTS(geometry, MULTIPOLYGON((({ring}))))))))") == WEST
    assert door.names(DRONES, filter="code IN (" + ",".join(f"'c{i}'" for i in range(1500)) + ")") == set()
    assert door.refused(f"/collections/{DRONES}/items", filter="TRUE", filter_lang="cql-text")
