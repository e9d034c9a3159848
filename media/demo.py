"""Video devices for trying things out: registered with passwords, and written down for the simulator."""

from __future__ import annotations

import json
from pathlib import Path

from access.audit import acting
from access.models import Organization
from gis.models import Region
from media.models import VideoDevice
from media.passwords import new_password, set_password
from media.store import identity


def register_demo(count: int, address: tuple[str, int], *, moving: bool = False) -> dict[str, object]:
    """Register ``count`` recorders of the city's own code and give each a new password.

    Returns
    -------
    dict
        What the simulator needs: where to sign in, and every code with its password.
    """
    own = identity()
    owners = list(Organization.objects.filter(region__level=Region.Level.DISTRICT).order_by("pk")[:64])
    devices = []
    with acting("demo"):
        there = {device.code: device for device in VideoDevice.objects.filter(name__startswith=NAME)}
        new: list[VideoDevice] = []
        for number in range(count):
            code = f"{own.code[:8]}001180{number + 1:06d}"
            device = there.get(code) or VideoDevice(code=code, name=f"{NAME} {number + 1}")
            device.owner = owners[number % len(owners)] if owners else None
            device.follow_position = moving
            password = new_password()
            set_password(device, password, save=False)
            devices.append({"code": code, "password": password})
            if device.pk is None:
                new.append(device)
            else:
                device.save()
        VideoDevice.objects.bulk_create(new, batch_size=500)
    return {"host": address[0], "port": address[1], "platform": own.code, "domain": own.realm, "devices": devices}


NAME = "模拟录像机"


def write_credentials(path: Path, credentials: dict[str, object]) -> None:
    """Write what :func:`register_demo` returned; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(json.dumps(credentials), encoding="utf-8")
