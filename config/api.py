"""The HTTP API: each floor's and module's router under one roof, for signed-in sessions."""

from __future__ import annotations

from ninja import NinjaAPI
from ninja.security import SessionAuth

from command.api import router as command_router
from layers.api import router as layers_router
from twin.api import router as twin_router

api = NinjaAPI(title="Sandtable", version="1", auth=SessionAuth(), urls_namespace="api")
api.add_router("", twin_router)
api.add_router("", command_router)
api.add_router("", layers_router)
