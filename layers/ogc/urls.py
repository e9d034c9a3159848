"""Addresses of the interface."""

from django.urls import path

from layers.ogc import views

_TILES = "ogc/collections/<str:name>/tiles"
urlpatterns = [
    path("ogc", views.landing, name="ogc"),
    path("ogc/", views.landing),
    path("ogc/conformance", views.conformance, name="ogc-conformance"),
    path("ogc/api", views.api, name="ogc-api"),
    path("ogc/collections", views.collection_list, name="ogc-collections"),
    path("ogc/collections/<str:name>", views.collection, name="ogc-collection"),
    path("ogc/collections/<str:name>/queryables", views.queryable_list, name="ogc-queryables"),
    path("ogc/collections/<str:name>/items", views.items, name="ogc-items"),
    path("ogc/collections/<str:name>/items/<str:feature_id>", views.item, name="ogc-item"),
    path(_TILES, views.tileset_list, name="ogc-tilesets"),
    path(f"{_TILES}/<str:scheme>", views.tileset, name="ogc-tileset"),
    path(f"{_TILES}/<str:scheme>/<str:zoom>/<str:row>/<str:column>", views.tile, name="ogc-tile"),
    path("ogc/tileMatrixSets", views.scheme_list, name="ogc-schemes"),
    path("ogc/tileMatrixSets/<str:scheme>", views.scheme, name="ogc-scheme"),
    path("ogc/crs/<str:name>", views.own_crs, name="ogc-crs"),
    path("ogc/<path:rest>", views.nothing, name="ogc-nothing"),
]
