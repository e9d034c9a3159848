"""The GB/T 28181 server and simulated devices on one loop: real sockets, but neither broker nor database."""

from __future__ import annotations

import asyncio
import contextlib

from media.gb28181 import newcomers
from media.gb28181.peers import Known
from media.gb28181.server import Gb28181Server
from media.models import Gb28181Setting, VideoDevice
from media.passwords import set_password
from media.simulator.clip import drawn
from media.simulator.connecting import connected
from media.simulator.plan import Plan, Tally
from media.simulator.replies import ChannelPlan
from media.tests.platform import CODE, DOMAIN, PASSWORD, PLATFORM


class Memory:
    """What the server asks the database for."""

    def __init__(self, code):
        self.setting = Gb28181Setting(code=code, realm=code[:10])
        self.answers = {"load_registrations": {}}

    async def do(self, function, *args):
        if function.__name__ == "identity":
            return self.setting
        return self.answers.get(function.__name__, [])


class Alone(Gb28181Server):
    """A server whose register is what tests say."""

    def __init__(self, code=PLATFORM, ports=(31_300, 31_498)):
        super().__init__("127.0.0.1", 0, "mqtt://127.0.0.1:1", {}, ports)
        self.database = Memory(code)
        self._jobs = []
        self.turned = []
        self.turned_away.add = lambda reason, *rest: self.turned.append((reason, *rest))

    def knows(self, code=CODE, password=PASSWORD, media="udp", follows=()):
        """Put a device in the register."""
        device = VideoDevice(code=code)
        set_password(device, password, save=False)
        known = Known(
            len(self.peers.known) + 1, code, device.provider, device.sealed, (), "", media, frozenset(follows)
        )
        self.peers.known[code] = known
        self.database.answers["load_known"] = list(self.peers.known.values())
        return known

    async def _live(self, shared, sink):
        """No channel has a row here, so there is no stream to join."""
        return await self.calls.begin(shared.device, shared.channel, sink)

    async def __aenter__(self):
        self._jobs = [asyncio.create_task(job) for job in await self.begin()]
        return self

    async def __aexit__(self, *_):
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await self.end()


@contextlib.asynccontextmanager
async def device(server, code=CODE, password=PASSWORD, transport="UDP", channels=2, **plan):
    """A simulated device that has signed in."""
    channels = [ChannelPlan(f"{code[:10]}1310{i + 1:06d}", f"摄像机{i + 1}", 121.5, 31.2) for i in range(channels)]
    made = Plan(code, password, channels, server.address, server.talker.code, DOMAIN, **plan)
    simulated, socket = await connected(made, Tally(), tuple(drawn(2, 2, 25)), 100, transport)
    assert await simulated._sign_in()
    try:
        yield simulated
    finally:
        for task in list(simulated.end._tasks):
            task.cancel()
        await asyncio.gather(*simulated.end._tasks, return_exceptions=True)
        socket.close()


async def until(condition, seconds=8.0):
    """Wait for what comes of its own."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def alone(work):
    """Run an async test, in which devices are not asked who they are."""
    newcomers.JITTER_S, before = 3600, newcomers.JITTER_S
    try:
        asyncio.run(work)
    finally:
        newcomers.JITTER_S = before


class Seen:
    """A sink that keeps what came: of each picture its time, the moment it was recorded, whether it is a key."""

    def __init__(self):
        self.pictures, self.why = [], ""

    def frame(self, frame):
        mark = frame.data.find(b"sandtable-moment")
        at = int(frame.data[mark + 16 : mark + 29]) if mark >= 0 else None
        self.pictures.append((frame.pts, at, frame.key))

    def ended(self, why):
        self.why = why
