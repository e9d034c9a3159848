"""Areas: when a change is a new version."""

from __future__ import annotations

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.core.exceptions import ValidationError

from twin.models import Area

NIGHT = [{"kind": "night"}]


@pytest.mark.django_db
def test_every_change_is_a_version_however_it_is_saved():
    box = MultiPolygon(Polygon.from_bbox((121, 31, 122, 32)), srid=4326)
    area = Area.objects.create(name="一区", kind="key_area", boundary=box)
    area.save()
    assert Area.objects.get().version == 1
    area.periods = NIGHT
    area.save()
    assert Area.objects.get().version == 2
    Area.objects.update_or_create(pk=area.pk, defaults={"periods": []})
    assert Area.objects.get().version == 3
    area.refresh_from_db()
    area.periods = [{"kind": "night", "days": [1]}]
    with pytest.raises(ValidationError, match="第 1 个时段"):
        area.full_clean()
