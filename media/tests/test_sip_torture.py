"""A server that lives through what RFC 4475 is about, and real conversations played to it again."""

from __future__ import annotations

import asyncio
import contextlib

from media.gb28181.items import read_entry
from media.gb28181.xml import read_xml
from media.rtp.frames import Frame
from media.simulator import mux, replies, wire
from media.simulator.wire import Packet
from media.sip.message import read_message
from media.tests.alone import Alone, alone, device, until
from media.tests.captures import datagrams, rtp_packets
from media.tests.platform import CODE, DOMAIN, PLATFORM

TO = f"<sip:{PLATFORM}@{DOMAIN}>"
OWN = f"<sip:{CODE}@{DOMAIN}>;tag=1"


class Raw(asyncio.DatagramProtocol):
    """A socket that sends bytes as they are, and keeps the answers."""

    def __init__(self):
        self.heard = []

    def datagram_received(self, data, address):
        self.heard.append(wire.read(data))

    async def answer(self, data, server):
        """The answer to ``data``; None where none comes before that to the question behind it."""
        before = len(self.heard)
        self.socket.sendto(data, server.address)
        mark = wire.branch()
        self.socket.sendto(request("OPTIONS", branch=mark), server.address)
        await until(lambda: any(mark in packet.get("via") for packet in self.heard[before:]))
        mine = [packet for packet in self.heard[before:] if mark not in packet.get("via") and packet.status]
        return mine[0] if mine else None


@contextlib.asynccontextmanager
async def raw(server):
    made, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Raw, local_addr=("127.0.0.1", 0))
    protocol.socket = made
    yield protocol
    made.close()


def request(method="MESSAGE", uri=f"sip:{PLATFORM}@{DOMAIN}", body=b"", branch=None, without=(), **changed):
    fields = {
        "Via": f"SIP/2.0/UDP 192.0.2.9:5060;rport;branch={branch or wire.branch()}",
        "From": OWN,
        "To": TO,
        "Call-ID": wire.branch(),
        "CSeq": f"9 {method}",
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [(name, value) for name, value in fields.items() if name not in without]
    return Packet(f"{method} {uri} SIP/2.0", lines, body).write()


TAKEN = {
    "escapes in addresses": (request(uri="sip:sips%3Auser%40example.com@example.net"), 200),
    "parameters inside a user": (request(uri="sip:user;par=u%40example.net@example.com"), 200),
    "no room before a bracket": (request(From=f"caller{OWN}"), 200),
    "long values": (request(X_Long="v" * 9000, From=f'"{"n" * 2000}" {OWN}'), 200),
    "a transport nobody knows": (request(Via="SIP/2.0/UNKNOWN 192.0.2.9;branch=z9hG4bKunk"), 200),
    "no branch, as of old": (request(Via="SIP/2.0/UDP 192.0.2.9"), 200),
    "nothing behind the cookie": (request(Via="SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK"), 200),
    "no more forwards": (request(Max_Forwards="0"), 200),
    "a date of nowhere": (request(Date="Fri, 01 Jan 2010 16:00:00 EST"), 200),
    "a scheme nobody knows": (request(uri="nobodyKnowsThisScheme:totallyopaquecontent"), 200),
    "header names nobody knows": (request(**{"NewFangledHeader": "newfangled value", "X-.!%*+_`'~": "z"}), 200),
    "a way we do not go": (request("INVITE", Require="nothingSupportsThis, nothingSupportsThisEither"), 420),
    "nobody was told to call": (request("INVITE"), 403),
    "an order nobody knows": (request("NEWMETHOD"), 405),
    "a news nobody asked for": (request("NOTIFY", Event="presence"), 481),
    "a subscription of one that is not above": (request("SUBSCRIBE", Event="presence"), 405),
    "a call nobody has": (request("BYE"), 481),
    "taking back what was never asked": (request("CANCEL"), 481),
    "credentials of a scheme nobody asked for": (
        request("REGISTER", To=f"<sip:{CODE}@{DOMAIN}>", Authorization="NoOneKnowsThisScheme opaque-data=here"), 401,
    ),
    "two parts, one of them not text": (
        request(Content_Type="multipart/mixed;boundary=7a9cbec02ceef655", body=b"--7a9cbec02ceef655\r\n\xff\x00\x80--"),
        200,
    ),
}  # fmt: skip
DROPPED = {
    "two requests in one": request("REGISTER", To=TO, without=["CSeq"]) + request("INVITE"),
    "a bracket too few": request(To="<sip:a@b"),
    "a number too large": request(CSeq="36893488147419103232 MESSAGE"),
    "an order that is another": request(CSeq="9 INVITE"),
    "no sender": request(without=["From"]),
    "lengths that disagree": request().replace(b"Content-Length: 0", b"Content-Length: 5\r\nContent-Length: 6"),
    "an answer to nobody": request().replace(b"MESSAGE sip", b"SIP/2.0 200 OK\r\nX: sip", 1),
    "another version": request().replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1),
}


def test_a_server_under_torture():
    async def work():
        async with Alone() as server:
            server.knows()
            async with device(server) as camera, raw(server) as other:
                for name, (data, status) in TAKEN.items():
                    answer = await other.answer(data, server)
                    assert answer is not None, name
                    assert answer.status == status, name
                    asked = read_message(data)
                    assert (answer.get("call-id"), answer.get("cseq")) == (asked.call_id, asked.headers.get("cseq"))
                for name, data in DROPPED.items():
                    assert await other.answer(data, server) is None, name
                # Two requests that share a cookie and nothing else are two, and a copy is one.
                same = request(
                    Via="SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK", body=replies.alarm(1, camera.plan.channels[0])
                )
                another = request(Via="SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK", Call_ID="else")
                answers = [await other.answer(data, server) for data in (same, another, same)]
                assert answers[0].get("to") == answers[2].get("to") != answers[1].get("to")
                unsupported = await other.answer(TAKEN["a way we do not go"][0].replace(b"9 INV", b"8 INV"), server)
                assert unsupported.get("unsupported") == "nothingSupportsThis, nothingSupportsThisEither"
                # After all that, the camera is as well as before.
                assert (await camera.end.message(replies.keepalive(1, CODE))).status == 200
                assert "sip_malformed" in [reason for reason, *_rest in server.turned]

    alone(work())


REAL = "34010000001310000001"


def test_a_real_camera_registers_again():
    """What it sent, as it was: it tries a nonce of last time, and says that it is alive."""
    sent = [data for data in datagrams("gb28181_reg-auth.pcapng") if data.startswith((b"REGISTER", b"MESSAGE"))]

    async def work():
        server = Alone("34010000002000000001")
        async with server:
            server.knows(REAL, "12345678")
            async with raw(server) as camera:
                answers = []
                for data in sent[:3]:
                    before = len(camera.heard)
                    camera.socket.sendto(data, server.address)
                    await until(lambda before=before: len(camera.heard) > before)
                    answers.append(camera.heard[-1])
                assert [answer.status for answer in answers] == [401] * 3
                assert all('realm="3401000000"' in answer.get("www-authenticate") for answer in answers)
                # Not a wrong password: it has only been answered from another life of ours.
                assert server.turned == []
                shown = wire.credentials(
                    answers[-1].get("www-authenticate"), REAL, "12345678", "REGISTER",
                    "sip:34010000002000000001@192.168.230.53:5060",
                )  # fmt: skip
                old = next(line for line in sent[2].split(b"\r\n") if line.startswith(b"Authorization"))
                again = sent[2].replace(old, f"Authorization: {shown}".encode()).replace(b"z9hG4bK6", b"z9hG4bK7")
                camera.socket.sendto(again.replace(b"CSeq: 2", b"CSeq: 3"), server.address)
                await until(lambda: camera.heard[-1].status == 200)
                assert camera.heard[-1].get("contact") == f"<sip:{REAL}@192.168.230.100:5060>"
                binding = server.peers.online(REAL)
                binding.seen_at = 0
                camera.socket.sendto(sent[3], server.address)
                await until(lambda: binding.seen_at)
                assert camera.heard[-1].status == 200

    alone(work())


def test_a_real_camera_is_called_and_tells_what_it_has():
    """Its catalogue and its description as they were, and pictures of another's."""
    found = datagrams("gb28181_invite-live-catalog.pcapng")
    described, catalogue = read_message(found[4]).body, found[8]
    # The capture begins behind the map that names the codec.
    packets = [*mux.packets(mux._map("h265"), 65_535, 3600, 200_000_101), *rtp_packets()]

    async def work():
        server = Alone("34010000002000000001")
        async with server:
            server.knows(REAL, "12345678")
            taken, frames = [], []
            server.newcomers.take = lambda known, entries, whole: taken.extend(entries)
            async with device(server, REAL, "12345678") as camera:
                camera.end.send(catalogue)
                await until(lambda: taken)
                (item,) = read_xml(read_message(catalogue).body).find("DeviceList").all("Item")
                assert taken == [read_entry(item)]
                assert (taken[0].name, taken[0].manufacturer) == ("Camera01", "")

                def invited(packet):
                    kept = [("Content-Type", "application/sdp"), camera.end.contact]
                    camera.end.answer(packet, 200, "OK", kept, described)
                    camera.end.calls[packet.get("call-id")] = lambda: None

                camera.end.handlers["INVITE"] = invited

                class Sink:
                    def frame(self, frame: Frame):
                        frames.append(frame)

                    def ended(self, why):
                        pass

                call = await server.calls.begin(REAL, REAL, Sink())
                assert (call.offer.host, call.offer.port, call.offer.ssrc) == ("192.168.230.100", 56_147, 0)
                async with raw(server) as sender:
                    for packet in packets:
                        sender.socket.sendto(packet, ("127.0.0.1", call.port))
                    await until(lambda: frames)
                await call.stop()
            assert call.receiving.counts.packets == len(packets)
            assert {frame.codec for frame in frames} == {"h265"}
            assert call.receiving.counts.foreign == 0

    alone(work())


RUBBISH = (b"\x00" * 5, b"\r\n" * 500, b"SIP/2.0 " + b"9" * 60_000, bytes(range(256)) * 200)


def test_rubbish_at_the_door():
    async def work():
        async with Alone() as server:
            server.knows()
            async with device(server) as camera, raw(server) as other:
                for data in RUBBISH:
                    other.socket.sendto(data, server.address)
                    assert (await camera.end.message(replies.keepalive(1, CODE))).status == 200
                assert not other.heard
                assert [reason for reason, *_rest in server.turned] == ["sip_malformed"] * len(RUBBISH)

    alone(work())
