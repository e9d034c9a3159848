"""The map layers of this floor: regions, and the basemap from far to near."""

from __future__ import annotations

from functools import partial

from django.core.cache import cache
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gis.models import BaseFeature
from gis.notices import stamp_of
from gis.tiles import TileLayer

TOPICS = ("basemap",)  # told of each change of the basemap's features
KEPT_S = 24 * 3600
# Boundaries are no secret: whoever is signed in sees them all.
REGIONS = TileLayer(
    name="regions",
    title=_("行政区"),
    source="geo_region AS r",
    geometry="r.boundary",
    properties=(("code", "r.code"), ("name", "r.name"), ("name_en", "r.name_en"), ("level", "r.level")),
    topics=("regions",),
    feature_id="r.id",
    open_to_all=True,
)


def attribution_of(*kinds: str) -> str:
    """Where the features of these kinds (all when left out) come from, for people."""
    found = {(generated, source) for kind, generated, source in _sources() if not kinds or kind in kinds}
    texts = [gettext("底图为程序生成的示意，非实测")] if any(generated for generated, _source in found) else []
    return "；".join([*texts, *sorted(source for generated, source in found if not generated)])


def _sources() -> list[tuple[str, bool, str]]:
    """Kind, whether it was generated, and source of what there is; all features are read once after each change."""
    key = f"basemap.sources/{stamp_of(TOPICS)}"
    found: list[tuple[str, bool, str]] | None = cache.get(key)
    if found is None:
        found = [*BaseFeature.objects.order_by().values_list("kind", "generated", "source").distinct()]
        cache.set(key, found, KEPT_S)
    return found


def _base(
    kind: str,
    title: Promise,
    properties: tuple[tuple[str, str], ...],
    min_zoom: int,
    max_zoom: int,
    drop_below_px: float,
) -> TileLayer:
    return TileLayer(
        name=f"base.{kind if kind in ('water', 'green') else kind + 's'}",
        title=title,
        source="geo_basefeature AS f",
        geometry="f.geometry",
        properties=(("class", "f.category"), *properties),
        topics=TOPICS,
        feature_id="f.id",
        where=f"f.kind = '{kind}'",
        feature_min_zoom="f.min_zoom",
        attribution=partial(attribution_of, kind),
        open_to_all=True,
        min_zoom=min_zoom,
        max_zoom=max_zoom,
        drop_below_px=drop_below_px,
    )


_NAME = (("name", "nullif(f.name, '')"),)
# All end at the same zoom, so that clients can ask for their tiles together.
BASE_LAYERS = (
    _base("water", _("水系"), _NAME, 5, 15, 1.0),
    _base("green", _("绿地"), _NAME, 7, 15, 1.5),
    _base("road", _("道路"), _NAME, 5, 15, 1.0),
    _base("block", _("街区"), (), 6, 15, 1.5),
    _base("building", _("建筑"), (*_NAME, ("height_m", "f.height_m")), 13, 15, 1.5),
)
