"""A planned demo city into the database: what is missing is made, what is there is left alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import Counter
from random import Random
from typing import Any

import shapely
from django.contrib.gis.geos import GEOSGeometry
from django.contrib.gis.geos import MultiPolygon as GeosMultiPolygon
from shapely.geometry.base import BaseGeometry

from access.identifiers import make_mobile, make_uscc
from access.models import Grant, Organization, User
from access.roles import Role
from devices.demo.plan import District, Plan, PlannedOrganization, PlannedThing
from devices.keys import issue_key
from devices.models import Device
from gis.crs import from_wgs84
from gis.models import Region
from twin.models import Area, Asset


def districts_of(city: Region) -> list[District]:
    """The city's districts; the city itself where it has none."""
    regions = list(Region.objects.under(city.path).filter(level=Region.Level.DISTRICT).order_by("code")) or [city]
    return [District(r.code, r.name, shapely.from_wkb(bytes(r.boundary.wkb))) for r in regions]


class DemoStore:
    """Stores one plan; ``made`` counts what was not there before.

    Parameters
    ----------
    city : Region
        The whole.
    plan : Plan
        What to store.
    seed : str
        For codes and telephone numbers; the same as the plan's.
    """

    def __init__(self, city: Region, plan: Plan, seed: str) -> None:
        self.city = city
        self.plan = plan
        self.made: Counter[str] = Counter()
        self._seed = seed
        self._regions = {r.code: r for r in Region.objects.under(city.path)}
        self._organizations: dict[str, Organization] = {}
        codes = [thing.code for thing in plan.things]
        assets = Asset.objects.filter(code__in=codes).select_related("owner__region")
        self._assets = {(a.kind, a.code): a for a in assets}
        self._devices = {d.identifier: d for d in Device.objects.filter(identifier__in=codes)}

    def store(self, old_keys: dict[str, str]) -> list[dict[str, Any]]:
        """Make everything missing.

        Parameters
        ----------
        old_keys : dict
            Keys of devices as known from the credentials file; those that still open the door are kept.

        Returns
        -------
        list of dict
            The devices as the simulator's credentials file wants them.
        """
        for planned in self.plan.organizations:
            self._organizations[planned.name] = self._organization(planned)
        self._areas()
        return [self._device(thing, old_keys) for thing in self.plan.things]

    def accounts(self, known: dict[str, str]) -> dict[str, str]:
        """Make the demo accounts.

        Parameters
        ----------
        known : dict
            Passwords by account, from the accounts file; accounts in it are left alone.

        Returns
        -------
        dict
            Passwords by account, old and new.
        """
        agencies = [o for o in self.plan.organizations if o.agency]
        district = next(o for o in agencies if o.district is not None)
        firm = next(o for o in self.plan.organizations if o.site is not None)
        place = {"region": self._regions[district.district or self.city.code]}
        wanted: list[tuple[str, str, Role, PlannedOrganization, dict[str, Any]]] = [
            ("demo-city", "市级示例账号", Role.CITY, agencies[0], {}),
            (f"demo-district-{district.district}", "区级示例账号", Role.DISTRICT, district, place),
            ("demo-firm", "企业示例账号", Role.ENTERPRISE, firm, {"organization": self._organizations[firm.name]}),
            ("demo-dispatcher", "调度员示例账号", Role.DISPATCHER, agencies[0], {}),
            ("demo-planner", "规划员示例账号", Role.PLANNER, agencies[0], {}),
        ]
        passwords = dict(known)
        for username, name, role, organization, where in wanted:
            user = User.objects.filter(username=username).first()
            if user is not None and username in known:
                continue
            password = secrets.token_urlsafe(12)
            if user is None:
                home = self._organizations[organization.name]
                user = User.objects.create_user(username, None, password, display_name=name, organization=home)
                Grant.objects.create(user=user, role=role, **where)
                self.made["accounts"] += 1
            else:
                user.set_password(password)
                user.save(update_fields=["password"])
            passwords[username] = password
        return passwords

    def _organization(self, planned: PlannedOrganization) -> Organization:
        found = Organization.objects.filter(name=planned.name).first()
        if found is not None:
            return found
        region = self._regions[planned.district or self.city.code]
        rng = Random(f"{self._seed}/{planned.name}")  # noqa: S311
        parent = None
        if planned.agency and planned.district is not None:
            parent = self._organizations[self.plan.organizations[0].name]
        self.made["organizations"] += 1
        return Organization.objects.create(
            name=planned.name,
            uscc=make_uscc(rng, region.code[:6].ljust(6, "0"), "11" if planned.agency else "91"),
            kind=Organization.Kind.AGENCY if planned.agency else Organization.Kind.ENTERPRISE,
            parent=parent,
            region=region,
            site=_multi(planned.site) if planned.site is not None else None,
            contact_phone=make_mobile(rng),
        )

    def _areas(self) -> None:
        there = set(Area.objects.values_list("name", flat=True))
        for planned in self.plan.areas:
            if planned.name in there:
                continue
            Area.objects.create(
                name=planned.name,
                kind=planned.kind,
                boundary=_multi(planned.shape),
                z_min_m=planned.z_min_m,
                z_max_m=planned.z_max_m,
                owner=self._organizations[planned.owner] if planned.owner else None,
                region=self._regions[planned.district],
            )
            self.made["areas"] += 1

    def _device(self, thing: PlannedThing, old_keys: dict[str, str]) -> dict[str, Any]:
        asset = self._assets.get((thing.kind, thing.code))
        owner = self._organizations[thing.owner]
        if asset is not None and (asset.owner is None or not asset.owner.region.path.startswith(self.city.path)):
            # The demo moved here from another city.
            asset.owner = owner
            asset.save(update_fields=["owner"])
        if asset is None:
            asset = Asset.objects.create(kind=thing.kind, code=thing.code, name=thing.name, owner=owner)
            self.made["assets"] += 1
        device = self._devices.get(thing.code)
        if device is None:
            device = Device.objects.create(identifier=thing.code, kind=thing.kind, asset=asset, datum=thing.datum)
        elif device.asset_id is None:
            device.asset = asset
            device.save(update_fields=["asset"])
        key = old_keys.get(thing.code, "")
        # A device that an administrator revoked stays revoked; its old key simply does not work.
        if device.revoked_at is None and not _opens(key, device.key_hash):
            key = issue_key(device)
            self.made["keys"] += 1
        profile = _shifted(thing.profile, device.datum)
        return {"identifier": device.identifier, "kind": device.kind, "key": key, "profile": profile}


def _shifted(profile: dict[str, Any], datum: str) -> dict[str, Any]:
    """The profile as seen by a device that reports in ``datum``: every coordinate pair converted."""

    def convert(value: Any) -> Any:
        if isinstance(value, tuple) and len(value) == 2:
            lon, lat = from_wgs84(value[0], value[1], datum)
            return [round(float(lon), 7), round(float(lat), 7)]
        return [convert(v) for v in value] if isinstance(value, list) else value

    return {name: convert(value) for name, value in profile.items()}


def _opens(key: str, key_hash: str) -> bool:
    """Whether ``key`` is the one that was hashed (mosquitto's ``$7$iterations$salt$hash``)."""
    parts = key_hash.split("$")
    if not key or len(parts) != 5 or parts[1] != "7":
        return False
    digest = hashlib.pbkdf2_hmac("sha512", key.encode(), base64.b64decode(parts[3]), int(parts[2]), dklen=64)
    return hmac.compare_digest(digest, base64.b64decode(parts[4]))


def _multi(shape: BaseGeometry) -> GeosMultiPolygon:
    geometry = GEOSGeometry(memoryview(shapely.to_wkb(shape)), srid=4326)
    return geometry if isinstance(geometry, GeosMultiPolygon) else GeosMultiPolygon(geometry, srid=4326)
