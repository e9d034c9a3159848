"""The HTTP API: each floor's and module's router under one roof, for signed-in sessions."""

from __future__ import annotations

from ninja import NinjaAPI
from ninja.security import SessionAuth

from command.api import router as command_router
from command.charts import router as command_charts_router
from command.director.api import router as director_router
from command.plan.api import router as plan_router
from command.plan.areas import router as plan_areas_router
from command.plan.choices import router as plan_choices_router
from command.plan.import_api import router as plan_import_router
from command.plan.rehearsal_api import router as plan_rehearsal_router
from command.watch.api import router as watch_router
from devices.api import router as devices_router
from layers.api import router as layers_router
from layers.asking.api import router as asking_router
from layers.charts import router as layers_charts_router
from layers.grids.api import router as grids_router
from media.analysis.api import router as analysis_router
from media.api import router as media_router
from media.past_api import router as video_past_router
from media.recordings.api import router as recordings_router
from media.sight.api import router as sight_router
from twin.annotations.api import router as annotations_router
from twin.annotations.past_api import router as past_annotations_router
from twin.annotations.photograph_api import router as photographs_router
from twin.api import router as twin_router
from twin.charts import router as twin_charts_router
from twin.past_api import router as past_router
from twin.past_areas import router as past_areas_router
from twin.within_api import router as within_router

api = NinjaAPI(title="Sandtable", version="1", auth=SessionAuth(), urls_namespace="api")
api.add_router("", twin_router)
api.add_router("", past_router)
api.add_router("", past_areas_router)
api.add_router("", past_annotations_router)
api.add_router("", within_router)
api.add_router("", annotations_router)
api.add_router("", photographs_router)
api.add_router("", twin_charts_router)
api.add_router("", devices_router)
api.add_router("", command_router)
api.add_router("", command_charts_router)
api.add_router("", watch_router)
api.add_router("", director_router)
api.add_router("", plan_router)
api.add_router("", plan_areas_router)
api.add_router("", plan_choices_router)
api.add_router("", plan_rehearsal_router)
api.add_router("", plan_import_router)
api.add_router("", video_past_router)
api.add_router("", media_router)
api.add_router("", recordings_router)
api.add_router("", sight_router)
api.add_router("", analysis_router)
api.add_router("", layers_router)
api.add_router("", layers_charts_router)
api.add_router("", grids_router)
api.add_router("", asking_router)
