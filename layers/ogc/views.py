"""The resources of the interface."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from access.scope import scope_of
from gis.exceptions import TileOutOfRangeError
from gis.tile_grid import check_tile
from gis.views import tile_response
from layers.ogc import crs as systems
from layers.ogc import documents, openapi, tiling
from layers.ogc.collections import collection_of, collections
from layers.ogc.exceptions import NotFoundError
from layers.ogc.features import queryables, read_one, read_page
from layers.ogc.negotiation import GEOJSON, HTML, MVT, OPENAPI, PLAIN_JSON, SCHEMA, Asked, answer, resource
from layers.ogc.pages import drawn
from layers.ogc.parameters import check_names, items_query, whole

_MOST_ID = 2**63 - 1


def _scope(asked: Asked) -> Any:
    return scope_of(asked.request.user)


@resource()
def landing(asked: Asked) -> HttpResponse:
    """What there is and where."""
    check_names(asked.request, ["f"])
    return answer(asked, documents.landing(asked), "ogc/landing.html")


@resource()
def conformance(asked: Asked) -> HttpResponse:
    """Which conformance classes hold."""
    check_names(asked.request, ["f"])
    return answer(asked, documents.conformance(asked), "ogc/conformance.html")


@resource(("json", (OPENAPI, PLAIN_JSON)), ("html", (HTML,)))
def api(asked: Asked) -> HttpResponse:
    """The interface's own definition."""
    check_names(asked.request, ["f"])
    return answer(asked, openapi.definition(asked.root), "ogc/api.html", OPENAPI)


@resource()
def collection_list(asked: Asked) -> HttpResponse:
    """Every collection."""
    check_names(asked.request, ["f"])
    document = documents.collection_list(asked, list(collections().values()), _scope(asked))
    return answer(asked, document, "ogc/collections.html")


@resource()
def collection(asked: Asked, name: str) -> HttpResponse:
    """One collection."""
    check_names(asked.request, ["f"])
    found = collection_of(name)
    document = documents.described(asked, found, _scope(asked), whole=True)
    return answer(asked, document, "ogc/collection.html", properties=found.properties())


@resource(("json", (SCHEMA, PLAIN_JSON)), ("html", (HTML,)))
def queryable_list(asked: Asked, name: str) -> HttpResponse:
    """What filters may ask of a collection."""
    check_names(asked.request, ["f"])
    found = collection_of(name)
    return answer(asked, documents.queryables_schema(asked, found), "ogc/queryables.html", SCHEMA, collection=found)


@resource(("json", (GEOJSON, PLAIN_JSON)), ("html", (HTML,)))
def items(asked: Asked, name: str) -> HttpResponse:
    """A page of a collection's features."""
    found = collection_of(name)
    query = items_query(asked.request, asked.root, queryables(found))
    page = read_page(found, _scope(asked), query)
    document = {
        "type": "FeatureCollection",
        "links": documents.page_links(asked, found, query.limit, query.offset, page.more),
        "timeStamp": documents.rfc3339(timezone.now()),
        "numberMatched": page.matched,
        "numberReturned": len(page.features),
        "features": page.features,
    }
    context = drawn(asked, found, page.features, query.crs) if asked.is_page else {}
    response = answer(asked, document, "ogc/items.html", GEOJSON, collection=found, query=query, **context)
    response["OGC-NumberMatched"], response["OGC-NumberReturned"] = str(page.matched), str(len(page.features))
    return _in(response, query.crs)


@resource(("json", (GEOJSON, PLAIN_JSON)), ("html", (HTML,)))
def item(asked: Asked, name: str, feature_id: str) -> HttpResponse:
    """One feature."""
    check_names(asked.request, ["f", "crs"])
    found = collection_of(name)
    crs = systems.find(asked.request.GET.get("crs", systems.CRS84), asked.root, "crs")
    number = int(feature_id) if feature_id.isascii() and feature_id.isdigit() and len(feature_id) < 20 else _MOST_ID
    feature = read_one(found, _scope(asked), min(number, _MOST_ID), crs)
    if feature is None:
        raise NotFoundError(_("数据集“%(name)s”中没有编号为“%(id)s”的要素") % {"name": name, "id": feature_id[:40]})
    feature["links"] = documents.item_links(asked, found)
    context = drawn(asked, found, [feature], crs) if asked.is_page else {}
    return _in(answer(asked, feature, "ogc/item.html", GEOJSON, collection=found, **context), crs)


def _in(response: HttpResponse, crs: systems.Crs) -> HttpResponse:
    response["Content-Crs"] = f"<{crs.uri}>"
    return response


@resource()
def tileset_list(asked: Asked, name: str) -> HttpResponse:
    """The sets of tiles of a collection."""
    check_names(asked.request, ["f"])
    found = collection_of(name)
    return answer(asked, tiling.tileset_list(asked, found), "ogc/tilesets.html", collection=found)


@resource(("json", (PLAIN_JSON,)), ("html", (HTML,)), ("tilejson", ()))
def tileset(asked: Asked, name: str, scheme: str) -> HttpResponse:
    """One set of tiles."""
    check_names(asked.request, ["f"])
    found = collection_of(name)
    tiling.check_scheme(scheme)
    if asked.format == "tilejson":
        return answer(asked, tiling.tilejson(asked, found, _scope(asked)), "")
    document = tiling.tileset(asked, found, _scope(asked))
    return answer(asked, document, "ogc/tileset.html", collection=found, note=tiling.generalisation(found))


@resource(("mvt", (MVT, "application/x-protobuf")))
def tile(asked: Asked, name: str, scheme: str, zoom: str, row: str, column: str) -> HttpResponse:
    """One tile; 404 beyond the layer's zooms and the scheme's rows and columns."""
    check_names(asked.request, ["f"])
    found = collection_of(name)
    tiling.check_scheme(scheme)
    named = (("tileMatrix", zoom), ("tileCol", column), ("tileRow", row))
    z, x, y = (whole(text, title, 0, 2**31) for title, text in named)
    try:
        check_tile(found.layer, z, x, y)
    except TileOutOfRangeError as error:
        raise NotFoundError(str(error)) from error
    return tile_response(asked.request, [found.layer], z, x, y)


@resource()
def scheme_list(asked: Asked) -> HttpResponse:
    """The ways of cutting tiles there are."""
    check_names(asked.request, ["f"])
    return answer(asked, tiling.scheme_list(asked), "ogc/schemes.html")


@resource()
def scheme(asked: Asked, scheme: str) -> HttpResponse:
    """One way of cutting tiles."""
    check_names(asked.request, ["f"])
    tiling.check_scheme(scheme)
    return answer(asked, tiling.scheme(asked), "ogc/scheme.html")


@resource(("json", (PLAIN_JSON,)))
def own_crs(asked: Asked, name: str) -> HttpResponse:
    """A coordinate reference system that only we know."""
    check_names(asked.request, ["f"])
    return answer(asked, systems.described(name), "")


@resource()
def nothing(asked: Asked, rest: str) -> HttpResponse:
    """Any other address below the interface."""
    raise NotFoundError(_("开放接口中没有“%(path)s”，请从首页的链接进入") % {"path": rest[:80]})
