"""Two districts beside each other with a firm in each, and somebody signed in: what tests of doors share."""

from __future__ import annotations

from random import Random

from django.contrib.gis.geos import MultiPolygon, Polygon
from django.test import Client

from access.identifiers import make_uscc
from access.models import Grant, Organization, User
from gis.models import Region


def two_firms():
    """Firms of the districts 310101 (121 to 122 degrees east) and 310102 (to 123)."""
    firms = []
    for i in range(2):
        boundary = MultiPolygon(Polygon.from_bbox((121 + i, 31, 122 + i, 32)), srid=4326)
        region = Region.objects.create(code=f"31010{i + 1}", name=f"区{i}", level="district", boundary=boundary)
        firms.append(
            Organization.objects.create(name=f"厂{i}", uscc=make_uscc(Random(i)), kind="enterprise", region=region)
        )
    return firms


def signed_in(role="city", region=None, organization=None):
    """A client of somebody who has this one role; ``region``: a code."""
    user = User.objects.create_user(f"u-{role}-{region}-{organization}")
    place = Region.objects.get(code=region) if region else None
    Grant.objects.create(user=user, role=role, region=place, organization=organization)
    client = Client()
    client.force_login(user)
    return client
