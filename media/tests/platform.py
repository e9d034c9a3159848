"""The GB/T 28181 process in a thread, with a broker, an ingest worker, and simulated devices that talk to it."""

from __future__ import annotations

import asyncio
import socket
import threading

from devices.tests.broker import wait_for
from gis.notices import connection_parameters
from media.gb28181.server import Gb28181Server
from media.models import VideoDevice
from media.passwords import set_password
from media.simulator import wire
from media.simulator.clip import drawn
from media.simulator.connecting import connected
from media.simulator.plan import Plan, Tally
from media.simulator.replies import ChannelPlan

CODE, PASSWORD = "31011500001180000001", "secret12"
PLATFORM, DOMAIN = "31000000002000000001", "3100000000"


def register(code=CODE, password=PASSWORD, **fields):
    """A device in the register."""
    device = VideoDevice.objects.create(code=code, name="录像机", **fields)
    set_password(device, password)
    return device


class Process:
    """The server, running."""

    def __init__(self, mqtt_url, port=0, ports=(31_000, 31_200)):
        self.server = Gb28181Server("127.0.0.1", port, mqtt_url, connection_parameters(), ports)
        self._thread = threading.Thread(target=self.server.run)
        self._thread.start()
        wait_for(lambda: self.server.address and self.server.road.connected.is_set())

    @property
    def address(self):
        return self.server.address

    def stop(self):
        self.server.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()


class Cameras:
    """Simulated devices on a loop of their own."""

    def __init__(self, address):
        self.address, self.tally, self.devices = address, Tally(), []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._tasks, self._transports = [], []

    def add(self, code=CODE, password=PASSWORD, channels=2, transport="UDP", **plan):
        """Sign one in, and let it live."""
        channels = [
            ChannelPlan(f"{code[:10]}1310{i + 1:06d}", f"摄像机{i + 1}", 121.5 + i / 1000, 31.2)
            for i in range(channels)
        ]
        plan = Plan(code, password, channels, self.address, PLATFORM, DOMAIN, **plan)
        return asyncio.run_coroutine_threadsafe(self._add(plan, transport), self._loop).result(10)

    async def _add(self, plan, transport):
        device, made = await connected(plan, self.tally, tuple(drawn(2, 2, 25)), 100, transport)
        self._transports.append(made)
        self.devices.append(device)
        self._tasks.append(asyncio.ensure_future(device.live(0)))
        return device

    def do(self, work):
        """Have a device do something, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def stop(self):
        async def end():
            for transport in self._transports:
                transport.close()
            mine = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in mine:
                task.cancel()
            await asyncio.gather(*mine, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Wire:
    """A socket that sends what it is told, from wherever it is told to."""

    def __init__(self, address, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(5)
        self.address = address
        self.local = self.socket.getsockname()

    def send(self, method, code=CODE, headers=(), body=b"", to=PLATFORM, **changed):
        """Send a request."""
        own = f"<sip:{code}@{DOMAIN}>"
        fields = {
            "Via": f"SIP/2.0/UDP {self.local[0]}:{self.local[1]};rport;branch={wire.branch()}",
            "From": f"{own};tag=1",
            "To": own if method == "REGISTER" else f"<sip:{to}@{DOMAIN}>",
            "Call-ID": wire.branch(),
            "CSeq": f"1 {method}",
        } | changed
        lines = [(name, value) for name, value in fields.items()] + list(headers)
        packet = wire.Packet(f"{method} sip:{PLATFORM}@{DOMAIN} SIP/2.0", lines, body)
        self.socket.sendto(packet.write(), self.address)

    def receive(self):
        return wire.read(self.socket.recv(65_535))

    def answer(self):
        """The next answer; what the platform asks meanwhile goes unheard."""
        while not (said := self.receive()).status:
            pass
        return said

    def ask(self, *args, **more):
        self.send(*args, **more)
        return self.answer()

    def hears_nothing(self):
        """Whether no answer comes; the server has had time, since another gets one."""
        self.socket.settimeout(0.2)
        try:
            self.answer()
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(5)
        return False

    def sign_in(self, code=CODE, password=PASSWORD, expires="3600"):
        """Register; the status of the answer."""
        more = [("Expires", expires), ("Contact", f"<sip:{code}@192.0.2.1:5060>")]
        first = self.ask("REGISTER", code, more)
        if first.status != 401:
            return first
        uri = f"sip:{PLATFORM}@{DOMAIN}"
        shown = wire.credentials(first.get("www-authenticate"), code, password, "REGISTER", uri)
        return self.ask("REGISTER", code, [*more, ("Authorization", shown)], CSeq="2 REGISTER")

    def close(self):
        self.socket.close()
