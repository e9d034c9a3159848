"""Demo rows of hot work, for the things that ``manage.py loaddemo`` made."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from django.utils import timezone

from access.identifiers import make_identity_number, make_mobile
from access.models import Organization
from gis.models import Region
from layers.hotwork.models import HotworkFirm, ImportantPeriod, KeyArea, Machine, Welder
from twin.kinds import MACHINE
from twin.models import Area, Asset

DEMO = "示例"
WELDERS_A_FIRM = 4
MODELS = ("NBC-350", "NBC-500", "ZX7-400", "WSM-315", "MZ-1000")
TRADES = ("房屋建筑", "市政工程", "钢结构", "船舶修造", "装饰装修")
CATEGORIES = ("人员密集场所", "油库", "轨道交通保护区", "文物保护单位")
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = ("建国", "志强", "海峰", "伟", "军", "明辉", "永康", "德胜", "晓东", "国庆", "文斌", "金山")
NIGHT = [{"kind": "night"}]


def fill(city: Region, seed: str) -> None:
    """Register the demo's machines, their firms and welders, its key areas, and one important period.

    What is there already is left alone.
    """
    machines = list(
        Asset.objects.filter(kind=MACHINE.key, owner__name__startswith=DEMO, owner__region__path__startswith=city.path)
        .select_related("owner__region")
        .order_by("code")
    )
    firms = {asset.owner: None for asset in machines if asset.owner is not None}
    welders = {firm.pk: _firm(firm, seed) for firm in firms}
    for number, asset in enumerate(machines):
        assert asset.owner is not None
        own = welders[asset.owner.pk]
        rng = Random(f"{seed}/{asset.code}")  # noqa: S311
        Machine.objects.get_or_create(
            asset=asset,
            defaults={
                "serial": f"{DEMO}{asset.code}",
                "model": rng.choice(MODELS),
                "firm_id": asset.owner.pk,
                "site": Area.objects.filter(owner=asset.owner, kind=Area.Kind.FENCE).order_by("pk").first(),
                "welder": own[number % len(own)] if own else None,
            },
        )
    _key_areas(city, seed)


def _firm(organization: Organization, seed: str) -> list[Welder]:
    """The firm's register row; its welders."""
    rng = Random(f"{seed}/{organization.name}")  # noqa: S311
    site = Area.objects.filter(owner=organization, kind=Area.Kind.FENCE).order_by("pk").first()
    firm, new = HotworkFirm.objects.get_or_create(
        organization=organization,
        defaults={
            "trade": rng.choice(TRADES),
            "licence_number": f"DH{organization.region.code[:6]}{rng.randrange(10_000):04d}",
            "licence_valid_to": timezone.localdate() + timedelta(days=rng.randrange(30, 1000)),
            "safety_officer": _name(rng),
            "telephone": make_mobile(rng),
            "place": site.boundary.point_on_surface if site else organization.region.boundary.point_on_surface,
        },
    )
    if new:
        for _number in range(WELDERS_A_FIRM):
            began = timezone.localdate() - timedelta(days=rng.randrange(100, 6 * 365 - 20))
            Welder.objects.create(
                name=_name(rng),
                identity_number=make_identity_number(rng),
                telephone=make_mobile(rng),
                firm=firm,
                region=organization.region,
                valid_from=began,
                # Six years: State Administration of Work Safety, order 30, article 19.
                valid_to=began.replace(day=min(began.day, 28), year=began.year + 6),
            )
    return list(firm.welders.order_by("pk"))


def _key_areas(city: Region, seed: str) -> None:
    areas = list(
        Area.objects.filter(kind=Area.Kind.KEY_AREA, name__contains=DEMO, region__path__startswith=city.path)
        .select_related("region")
        .order_by("pk")
    )
    for number, area in enumerate(areas):
        rng = Random(f"{seed}/{area.name}")  # noqa: S311
        KeyArea.objects.get_or_create(
            area=area,
            defaults={
                "category": CATEGORIES[number % len(CATEGORIES)],
                "safety_officer": _name(rng),
                "telephone": make_mobile(rng),
                "forbidden_periods": NIGHT,
            },
        )
    if areas and areas[0].region is not None:
        now = timezone.now()
        ImportantPeriod.objects.get_or_create(
            name=f"{areas[0].region.name}重大活动保障（{DEMO}）",
            defaults={
                "starts_at": now - timedelta(days=1),
                "ends_at": now + timedelta(days=30),
                "region": areas[0].region,
                "area": areas[0],
            },
        )


def _name(rng: Random) -> str:
    return rng.choice(SURNAMES) + rng.choice(GIVEN)
