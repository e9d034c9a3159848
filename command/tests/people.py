"""A city with two districts, their firms, people in each role, and alerts raised by hand."""

from __future__ import annotations

from random import Random

from django.db import connection
from django.test import Client

from access.identifiers import make_uscc
from access.models import Grant, Organization, User
from command.knowledge import InForce
from command.models import Alert
from command.rules import registry
from command.store import NewAlert, raise_alerts
from command.tests.rulebook import district
from twin.models import Asset

NOW_US = 1_781_000_000_000_000


class Town:
    """``west`` and ``east``, a firm of each, and who works where."""

    def __init__(self):
        rng = Random(3)
        self.west = district("310101", "西区", 121.2)
        self.east = district("310102", "东区", 121.9)
        self.firms = {
            name: Organization.objects.create(name=name, uscc=make_uscc(rng), kind="enterprise", region=region)
            for name, region in (("西厂", self.west), ("东厂", self.east))
        }
        self.users = {}
        self.clients = {}
        self.employ(
            city=("city", {}),
            west=("district", {"region": self.west}),
            east=("district", {"region": self.east}),
            firm=("enterprise", {"organization": self.firms["西厂"]}),
            planner=("planner", {}),
            nobody=(None, {}),
        )

    def employ(self, **people):
        """Accounts by name, each with a role, or none, and where it holds."""
        users = [
            User(username=name, display_name=name, organization=place.get("organization"), password="!")
            for name, (_, place) in people.items()
        ]
        User.objects.bulk_create(users)
        given = zip(users, people.values(), strict=True)
        Grant.objects.bulk_create([Grant(user=user, role=role, **place) for user, (role, place) in given if role])
        self.users.update(zip(people, users, strict=True))

    def client(self, name):
        """Signed in once."""
        if name not in self.clients:
            self.clients[name] = Client(enforce_csrf_checks=False)
            self.clients[name].force_login(self.users[name])
        return self.clients[name]

    def alert(self, rule, owner=None, region=None, cause="", **fields):
        """An alert of ``rule``, which must be in the registry."""
        number = Asset.objects.count() + 1
        asset = Asset.objects.create(kind="machine", code=f"W-{number}", name="焊机", owner=owner)
        new = NewAlert(
            setting=InForce(registry.get(rule.id), True, 1, rule.settled({}), (), None),
            grade=int(rule.grade),
            asset=asset.pk,
            area=0,
            area_version=0,
            owner=owner.pk if owner else 0,
            region=region.pk if region else 0,
            lon=121.5,
            lat=31.2,
            raised_us=NOW_US,
            evidence="{}",
            cause=cause,
        )
        with connection.cursor() as cursor:
            (key,) = raise_alerts(cursor, [new])
        Alert.objects.filter(pk=key).update(**fields)
        return Alert.objects.get(pk=key)
