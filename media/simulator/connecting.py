"""Gives a simulated device its socket."""

from __future__ import annotations

import asyncio

from media.simulator.clip import Pictures
from media.simulator.device import SimulatedDevice
from media.simulator.plan import Plan, Tally
from media.simulator.wire import cut


async def connected(
    plan: Plan, tally: Tally, pictures: Pictures, most_streams: int, transport: str = "UDP"
) -> tuple[SimulatedDevice, asyncio.BaseTransport]:
    """A device that can talk to its platform, and what it talks by."""
    loop = asyncio.get_running_loop()
    device = SimulatedDevice(plan, tally, lambda data: None, ("", 0), pictures, most_streams, transport)
    end = device.end
    if transport == "UDP":

        class Datagrams(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, address: object) -> None:
                end.hear(data)

        datagrams, _protocol = await loop.create_datagram_endpoint(Datagrams, remote_addr=plan.server)
        end.send, end.local = datagrams.sendto, datagrams.get_extra_info("sockname")[:2]
        return device, datagrams
    held = bytearray()

    class Stream(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            held.extend(data)
            for message in cut(held):
                end.hear(message)

    stream, _stream = await loop.create_connection(Stream, *plan.server)
    end.send, end.local = stream.write, stream.get_extra_info("sockname")[:2]
    return device, stream
