"""``manage.py loaddemo``: fill the loaded city with demo organizations, sites, areas, things and their devices."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from access.audit import acting
from devices.demo.files import read_secrets, write_secrets
from devices.demo.plan import make_plan
from devices.demo.store import DemoStore, districts_of
from devices.management.examples import ExamplesCommand


class Command(ExamplesCommand):
    """Loads the demo; running it again changes nothing and rotates no key that is known."""

    help = "把示例单位、工地、区域、对象和终端装入已载入的城市（重复执行不改变已有内容）"

    def handle(self, *args: Any, **options: Any) -> None:
        """Plan, store, write the two files of secrets."""
        city, seed = self.city_and_seed(options)
        folder = settings.VAR_DIR / "demo"
        plan = make_plan(city.name, districts_of(city), seed)
        devices_file, accounts_file = folder / "devices.json", folder / "accounts.json"
        old = read_secrets(devices_file) or {}
        known = read_secrets(accounts_file) or {}
        # The files come last, but inside: a file that cannot be written takes the keys it should hold back with it.
        with acting("loaddemo"), transaction.atomic():
            store = DemoStore(city, plan, seed)
            devices = store.store({d["identifier"]: d["key"] for d in old.get("devices", [])})
            accounts = store.accounts(known)
            address = urlsplit(settings.MQTT_URL)
            mqtt = {"host": address.hostname or "127.0.0.1", "port": address.port or 1883}
            written = write_secrets(devices_file, {"city": city.code, "mqtt": mqtt, "devices": devices})
            write_secrets(accounts_file, accounts)
        made = store.made
        self.stdout.write(
            _("%(city)s示例：新增单位 %(o)d、区域 %(a)d、对象 %(s)d、账号 %(u)d，签发密钥 %(k)d；终端凭据%(w)s：%(f)s")
            % {
                "city": city.name,
                "o": made["organizations"],
                "a": made["areas"],
                "s": made["assets"],
                "u": made["accounts"],
                "k": made["keys"],
                "w": _("已写入") if written else _("未变"),
                "f": devices_file,
            }
        )
