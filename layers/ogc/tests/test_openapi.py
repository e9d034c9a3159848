"""The definition in OpenAPI 3.0 (requirements class oas30 of Features and of Tiles)."""

from __future__ import annotations

import pytest

from layers.ogc.collections import collections

pytestmark = pytest.mark.django_db


@pytest.fixture
def definition(door):
    return door.json("/api")


def resolved(definition, parameter):
    return (
        definition["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
        if "$ref" in parameter
        else parameter
    )


def test_it_is_valid(definition, door):
    from openapi_spec_validator import OpenAPIV30SpecValidator, validate

    assert definition["openapi"].startswith("3.0.")
    validate(definition, cls=OpenAPIV30SpecValidator)
    assert door.answer("/api", "application/vnd.oai.openapi+json;version=3.0")["Content-Type"].endswith("version=3.0")


def test_every_parameter_of_items_is_defined_as_the_standard_has_it(definition):
    for name in collections():
        parameters = [
            resolved(definition, each)
            for each in definition["paths"][f"/collections/{name}/items"]["get"]["parameters"]
        ]
        found = {each["name"]: each for each in parameters}
        assert len(found) == len(parameters)
        assert {"limit", "bbox", "datetime", "crs", "bbox-crs", "filter", "filter-lang", "filter-crs"} <= set(found)
        assert not any(each["required"] or each["explode"] for each in parameters)
        assert all(each["style"] == "form" and each["in"] == "query" for each in parameters)
        limit = found["limit"]["schema"]
        assert (limit["type"], limit["minimum"], limit["maximum"], limit["default"]) == ("integer", 1, 10_000, 10)
        assert found["bbox"]["schema"]["items"] == {"type": "number"}
        assert {each["minItems"] for each in found["bbox"]["schema"]["oneOf"]} == {4, 6}
        assert found["datetime"]["schema"] == {"type": "string"}


def test_operations_have_names_of_their_own_and_answers(definition):
    operations = [each["get"] for each in definition["paths"].values()]
    names = [each["operationId"] for each in operations]
    assert len(names) == len(set(names))
    for suffix in ("getTileSetsList", "getTileSet", "getTile"):
        assert any(
            name.endswith(f".collection.vector.{suffix}") or name == f"collection.vector.{suffix}" for name in names
        )
    assert all({"200", "400", "401", "404"} <= set(each["responses"]) for each in operations)


def test_what_is_defined_is_there(definition, door):
    for path in definition["paths"]:
        if "{" not in path:
            assert door.answer(path, "application/json").status_code == 200, path
