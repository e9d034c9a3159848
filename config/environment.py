"""What the platform is told from outside, in one typed place.

The launcher writes these variables; a hand-made installation may set them itself. Nothing else in the platform
reads ``os.environ``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Environment:
    """Settings of one installation; every one has a default that works on one machine."""

    var_dir: Path
    database_url: str
    mqtt_url: str
    broker_dir: Path | None
    """Folder of the private broker's password file, log and pid; None where the broker is somebody else's."""
    secret_key: str
    data_key: str
    """Base64 of 32 bytes: encrypts personal identifiers. Lost with it: every stored identifier."""
    hosts: tuple[str, ...]
    debug: bool
    city: str
    """Six-digit code of the city whose regions are loaded."""
    https: bool
    installation: str
    """Which installation this is, shown by ``/healthz``: several on one machine may take each other's ports."""
    process: str
    """What this process is called among those of one machine: ``web``, ``web.2``; empty: by what it does."""
    revision: str
    """Which revision of the code runs, for people to read; empty: nobody said."""
    archive_url: str
    """Where old days of the history are kept (``s3://bucket/folder?…``, ``file:///…``); empty: ``var/archive``."""
    recordings_url: str
    """Where recordings of cameras are moved to once they have ended (as the archive's); empty: they stay in ``var``."""
    video_ca: str
    """File of the authority that cameras' certificates (https, rtsps) are checked against; empty: they are not."""
    gb28181_port: int
    """SIP port of cameras, for people and demonstrations to be told."""
    origins: tuple[str, ...]
    """Origins (``https://gis.example.cn``) whose pages may read the OGC interface by a token; none: no other's."""
    metrics_port: int | None
    """Loopback port on which this process shows its Prometheus metrics; None: none."""

    @classmethod
    def read(cls, values: Mapping[str, str] | None = None) -> Environment:
        """Read the variables.

        Parameters
        ----------
        values : mapping, optional
            Variables by name; the process's own when left out.

        Raises
        ------
        ValueError
            A value cannot be what its name says.
        """
        env = os.environ if values is None else values
        var_dir = Path(env.get("SANDTABLE_VAR", str(BASE_DIR / "var")))
        broker_dir = env.get("SANDTABLE_BROKER_DIR", "")
        port = env.get("SANDTABLE_METRICS_PORT", "")
        sip_port = env.get("GB28181_PORT", "5060")
        if not sip_port.isdigit():
            raise ValueError(f"GB28181_PORT must be a port number, not {sip_port!r}")
        if port and not port.isdigit():
            raise ValueError(f"SANDTABLE_METRICS_PORT must be a port number, not {port!r}")
        return cls(
            var_dir=var_dir,
            database_url=env.get("DATABASE_URL", "postgres://sandtable@127.0.0.1:54329/sandtable"),
            mqtt_url=env.get("MQTT_URL", "mqtt://127.0.0.1:1883"),
            broker_dir=Path(broker_dir) if broker_dir else None,
            secret_key=env.get("SANDTABLE_SECRET_KEY", "only-for-tests-and-tools"),
            data_key=env.get("SANDTABLE_DATA_KEY", "b25seS1mb3ItdGVzdHMtYW5kLXRvb2xzLTMyLWJ5dGU="),
            hosts=tuple(h for h in env.get("SANDTABLE_HOSTS", "127.0.0.1,localhost,[::1]").split(",") if h),
            debug=env.get("SANDTABLE_DEBUG", "") == "1",
            city=env.get("SANDTABLE_CITY", "310000"),
            https=env.get("SANDTABLE_HTTPS", "") == "1",
            installation=env.get("SANDTABLE_INSTALLATION", ""),
            process=env.get("SANDTABLE_PROCESS", ""),
            revision=env.get("SANDTABLE_REVISION", ""),
            archive_url=env.get("SANDTABLE_ARCHIVE", ""),
            recordings_url=env.get("SANDTABLE_RECORDINGS", ""),
            video_ca=env.get("SANDTABLE_VIDEO_CA", ""),
            gb28181_port=int(sip_port),
            origins=tuple(o for o in env.get("SANDTABLE_ORIGINS", "").split(",") if o),
            metrics_port=int(port) if port else None,
        )


ENVIRONMENT = Environment.read()
