"""One installation: its folder, remembered ports, generated secrets, and the environment its processes get."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from launcher.database_url import DatabaseAddress
from launcher.exceptions import LaunchError
from launcher.files import write_atomically
from launcher.ports import choose_port, is_free
from launcher.python_env import program_path
from launcher.tools import conda_prefix

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_CITY = "310000"
PRIVATE_SERVER = "private"
# Where the private servers live when their account cannot enter the checkout (a home only root may enter).
SYSTEM_FOLDER = Path("/var/lib/sandtable")
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  (compared with, not bound)


def new_secrets() -> dict[str, str]:
    """Passwords and keys of a new installation."""
    return {
        "secret_key": secrets.token_urlsafe(48),
        "data_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        "database_superuser": secrets.token_urlsafe(24),
        "database": secrets.token_urlsafe(24),
        "broker": secrets.token_urlsafe(24),
    }


@dataclass
class Installation:
    """What ``var/installation.json`` remembers.

    Parameters
    ----------
    var : Path
        The data folder; everything of the installation is inside.
    database_url, mqtt_url : str
        Existing servers; empty for private ones.
    throwaway : bool
        For tests: the database does not wait for the disk.
    archive : str
        Where old days of the history are kept; empty: below ``var``.
    recordings : str
        Where recordings of cameras are moved to; empty: they stay in ``var``.
    origins : str
        Origins whose pages may read the open interface, by commas.
    video_ca : str
        File of the authority that cameras' certificates are checked against; empty: they are not checked.
    terminals : str
        Address on which JT/T 808 terminals and GB/T 28181 cameras are let in.
    servers : str
        Folder of the private servers where it is not ``var`` (:meth:`move_servers`).
    lives_with : int
        A process with whose end everything stops, whoever killed it; 0: none.
    processes : dict
        How many of a Procfile's process run, where it is not one.
    prepared : str
        Fingerprint of the code and settings the data folder was last made ready for.
    """

    var: Path
    city: str = DEFAULT_CITY
    demo: bool = True
    listen: str = "127.0.0.1"
    terminals: str = "127.0.0.1"
    hosts: str = ""
    https: bool = False
    archive: str = ""
    recordings: str = ""
    origins: str = ""
    video_ca: str = ""
    database_url: str = ""
    mqtt_url: str = ""
    throwaway: bool = False
    servers: str = ""
    prepared: str = ""
    lives_with: int = 0
    processes: dict[str, int] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=new_secrets)

    @classmethod
    def load(cls, var: Path) -> Installation:
        """Read the installation of a data folder, or begin a new one.

        Raises
        ------
        LaunchError
            The file is there but cannot be read.
        """
        path = var / "installation.json"
        if not path.exists():
            return cls(var)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            known = {item.name for item in fields(cls)} - {"var"}
            return cls(var, **{key: value for key, value in values.items() if key in known})
        except (OSError, ValueError, TypeError) as error:
            raise LaunchError(
                f"无法读取 {path} (cannot read): {error}", "从备份恢复该文件 (restore it from a backup)."
            ) from error

    def save(self) -> None:
        """Write what is remembered; only the owner may read it."""
        self.var.mkdir(mode=0o700, parents=True, exist_ok=True)
        values = asdict(self)
        del values["var"]
        write_atomically(self.var / "installation.json", json.dumps(values, indent=2, ensure_ascii=False) + "\n")

    @property
    def private_database(self) -> bool:
        """Whether we run the database ourselves."""
        return not self.database_url

    @property
    def private_broker(self) -> bool:
        """Whether we run the broker ourselves."""
        return not self.mqtt_url

    @property
    def run(self) -> Path:
        """Folder of locks and state."""
        return self.var / "run"

    @property
    def logs(self) -> Path:
        """Folder of the processes' logs."""
        return self.var / "log"

    @property
    def database_folder(self) -> Path:
        """Folder of the private cluster."""
        return Path(self.servers or self.var) / "postgres"

    @property
    def broker_folder(self) -> Path:
        """Folder of the private broker."""
        return Path(self.servers or self.var) / "broker"

    def move_servers(self) -> None:
        """Keep new servers' data in the system's own place, because their account cannot enter ``var``.

        Under a name of this installation alone: where a checkout was deleted and cloned again, the old data is there
        still, which has other passwords and may be wanted.
        """
        if (self.database_folder / "data").exists():
            return
        self.servers = str(SYSTEM_FOLDER / self.name)
        Path(self.servers).mkdir(mode=0o711, parents=True, exist_ok=True)
        self.save()

    def delete_servers(self) -> None:
        """Delete the servers' data where it is not in ``var``."""
        if self.servers:
            shutil.rmtree(self.servers, ignore_errors=True)

    @property
    def url(self) -> str:
        """Address to open in a browser on this machine."""
        host = "127.0.0.1" if self.listen in ANY_ADDRESS else self.listen
        return f"http://[{host}]:{self.port('web')}" if ":" in host else f"http://{host}:{self.port('web')}"

    @property
    def name(self) -> str:
        """By which its web process is told from another's on the same port."""
        return hashlib.sha256(self.secrets["secret_key"].encode()).hexdigest()[:12]

    def port(self, name: str) -> int:
        """The remembered port of ``name``, chosen free the first time."""
        if name not in self.ports:
            self._choose(name)
            self.save()
        return self.ports[name]

    def leave_taken_ports(self) -> None:
        """Choose others for ports a stranger took while we were down; nothing of ours may be running."""
        for name, port in self.ports.items():
            if name != "web" and not is_free(port):
                self._choose(name)

    def _choose(self, name: str) -> None:
        listening = {"web": self.listen, "webrtc": self.listen, "jt808": self.terminals, "gb28181": self.terminals}
        address = listening.get(name, "127.0.0.1")
        seed = "" if name == "web" and self.var == ROOT / "var" else str(self.var)
        self.ports[name] = choose_port(name, self.ports.values(), address, seed)

    def metrics_port(self, process: str) -> int:
        """Loopback port on which a process shows its metrics."""
        return self.port(f"metrics:{process}")

    def database_address(self) -> DatabaseAddress:
        """The application's own account."""
        if self.database_url:
            return DatabaseAddress.parse(self.database_url)
        return DatabaseAddress("sandtable", self.secrets["database"], "127.0.0.1", self.port("postgres"), "sandtable")

    def superuser_address(self) -> DatabaseAddress:
        """The private cluster's superuser."""
        return DatabaseAddress(
            "postgres", self.secrets["database_superuser"], "127.0.0.1", self.port("postgres"), "postgres"
        )

    def broker_address(self) -> str:
        """Address of the broker with the platform's own account in it."""
        return self.mqtt_url or f"mqtt://platform:{self.secrets['broker']}@127.0.0.1:{self.port('broker')}"

    def allowed_hosts(self) -> str:
        """Host names the web process answers to, by commas."""
        names = ["127.0.0.1", "localhost", "[::1]"]
        if self.listen in ANY_ADDRESS:
            names += own_names()
        elif self.listen not in names:
            names.append(f"[{self.listen}]" if ":" in self.listen else self.listen)
        names += [name for name in self.hosts.split(",") if name]
        return ",".join(dict.fromkeys(names))

    def picture_addresses(self) -> str:
        """Addresses under which browsers may fetch pictures, by commas: the web's, as far as they are addresses."""
        found = []
        for name in self.allowed_hosts().split(","):
            try:
                found.append(str(ipaddress.ip_address(name.strip("[]"))))
            except ValueError:
                continue
        return ",".join(each for each in found if (":" in each) == (":" in self.listen))

    def environment(self, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Variables every process of the platform gets, on top of ``base``."""
        # Without byte code kept, each process compiles the whole platform when it starts: a second of work each time.
        unwanted = ("SANDTABLE_", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
        env = {key: value for key, value in base.items() if not key.startswith(unwanted)}
        conda = conda_prefix(base)
        env.update(
            PATH=program_path(ROOT, conda, base.get("PATH", "")),
            PYTHONUNBUFFERED="1",
            PYTHONUTF8="1",
            DJANGO_SETTINGS_MODULE="config.settings",
            SANDTABLE_VAR=str(self.var),
            SANDTABLE_SECRET_KEY=self.secrets["secret_key"],
            SANDTABLE_DATA_KEY=self.secrets["data_key"],
            SANDTABLE_HOSTS=self.allowed_hosts(),
            SANDTABLE_INSTALLATION=self.name,
            SANDTABLE_CITY=self.city,
            SANDTABLE_HTTPS="1" if self.https else "",
            SANDTABLE_ARCHIVE=self.archive,
            SANDTABLE_RECORDINGS=self.recordings,
            SANDTABLE_ORIGINS=self.origins,
            SANDTABLE_VIDEO_CA=self.video_ca,
            SANDTABLE_BROKER_DIR=str(self.broker_folder) if self.private_broker else "",
            DATABASE_URL=self.database_url or self.database_address().url(),
            MQTT_URL=self.broker_address(),
            WEB_HOST=self.listen,
            WEB_PORT=str(self.port("web")),
            JT808_HOST=self.terminals,
            JT808_PORT=str(self.port("jt808")),
            GB28181_HOST=self.terminals,
            GB28181_PORT=str(self.port("gb28181")),
            WEBRTC_HOST=self.listen,
            WEBRTC_PORT=str(self.port("webrtc")),
            WEBRTC_ADDRESSES=self.picture_addresses(),
        )
        return env


def own_names() -> list[str]:
    """Host names and addresses under which others may reach this machine."""
    names = [socket.gethostname(), socket.getfqdn()]
    try:
        names += subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    except OSError:
        names += [str(item[4][0]) for item in _addresses(socket.gethostname())]
    return [f"[{name}]" if ":" in name else name for name in dict.fromkeys(names)]


def _addresses(name: str) -> Iterable[tuple]:
    try:
        return socket.getaddrinfo(name, None)
    except OSError:
        return ()
