"""What devices are really sent, to the byte: orders of annex A, registration by each digest, calls by a foreign end."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from media.exceptions import RefusedByDeviceError
from media.gb28181.answers import Answers
from media.gb28181.peers import Binding
from media.sip.digest import ALGORITHMS, respond
from media.tests.alone import Alone, Seen, alone, device, until
from media.tests.platform import CODE, PASSWORD

pytestmark = pytest.mark.slow
CHANNEL = "31011500001310000001"
HEAD = '<?xml version="1.0" encoding="GB2312"?>\r\n<Control>\r\n<CmdType>DeviceControl</CmdType>\r\n<SN>n</SN>\r\n'
ORDERS = [
    ("drag_zoom", {"inward": True, "width": 1280, "height": 720, "x": 640, "y": 300, "drag_width": 200,
                   "drag_height": 100},
     "<DragZoomIn><Length>1280</Length><Width>720</Width><MidPointX>640</MidPointX><MidPointY>300</MidPointY>"
     "<LengthX>200</LengthX><LengthY>100</LengthY></DragZoomIn>"),
    ("drag_zoom", {"inward": False, "width": 1, "height": 2, "x": 3, "y": 4, "drag_width": 5, "drag_height": 6},
     "<DragZoomOut><Length>1</Length><Width>2</Width><MidPointX>3</MidPointX><MidPointY>4</MidPointY>"
     "<LengthX>5</LengthX><LengthY>6</LengthY></DragZoomOut>"),
    ("home", {"on": True, "after_s": 30, "preset": 7},
     "<HomePosition><Enabled>1</Enabled><ResetTime>30</ResetTime><PresetIndex>7</PresetIndex></HomePosition>"),
    ("home", {"on": False}, "<HomePosition><Enabled>0</Enabled></HomePosition>"),
    ("guard", {"on": True}, "<GuardCmd>SetGuard</GuardCmd>"),
    ("guard", {"on": False}, "<GuardCmd>ResetGuard</GuardCmd>"),
    ("reset_alarm", {}, "<AlarmCmd>ResetAlarm</AlarmCmd>"),
    ("record", {"on": True}, "<RecordCmd>Record</RecordCmd>"),
    ("lens", {"focus": -1, "iris": 1}, "<PTZCmd>A50F0146FFFF00F9</PTZCmd>"),
    ("key_frame", {}, "<IFameCmd>Send</IFameCmd><IFrameCmd>Send</IFrameCmd>"),
    ("reboot", {}, "<TeleBoot>Boot</TeleBoot>"),
]  # fmt: skip


def test_orders_as_annex_a_has_them():
    async def work():
        async with Alone() as server:
            server.knows()
            async with device(server) as camera:
                control = Answers(server.talker, server.newcomers, server.calls).handlers["control"]
                for name, args, body in ORDERS:
                    await control({"device": CODE, "channel": CHANNEL, "name": name, "args": args})
                    (said,) = camera.obeying.said
                    whose = CODE if name == "reboot" else CHANNEL
                    head = re.sub(r"<SN>\d+</SN>", "<SN>n</SN>", said.partition("<DeviceID>")[0])
                    assert head == HEAD
                    rest = said.partition("<DeviceID>")[2].replace("\r\n", "")
                    assert rest == f"{whose}</DeviceID>{body}</Control>"
                    camera.obeying.said.clear()
                # One that says no, in its own words.
                camera.end.message, message = (
                    lambda body, call=None: message(body.replace(b">OK<", b">ERROR<"), call),
                    camera.end.message,
                )
                with pytest.raises(RefusedByDeviceError, match="ERROR"):
                    await control({"device": CODE, "channel": CHANNEL, "name": "guard", "args": {"on": True}})

    alone(work())


@pytest.mark.parametrize("algorithms", ["SM3", "SHA-256", "MD5", "SM3 SHA-256 MD5"])
def test_registered_by_each_digest(algorithms):
    async def work():
        server = Alone()
        server.database.setting.algorithms = algorithms
        async with server:
            server.knows()
            async with device(server) as camera:
                assert server.peers.online(CODE).version == "3.0"
                await camera.sign_out()
                assert server.peers.online(CODE) is None
                camera.plan.password = "wrong"
                assert not await camera._sign_in()

    alone(work())


def test_sm3_is_the_standards():
    # GB/T 32905-2016, annex A: both examples.
    sm3 = ALGORITHMS["SM3"]
    assert sm3(b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm3(b"abcd" * 16) == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    # Once by hand: response = H(H(user:realm:password):nonce:H(method:uri)), and with qop.
    given = ("SM3", CODE, "3100000000", PASSWORD, "REGISTER", "sip:a@b", "n0")
    first = sm3(f"{CODE}:3100000000:{PASSWORD}".encode())
    second = sm3(b"REGISTER:sip:a@b")
    assert respond(*given, "", "", "") == sm3(f"{first}:n0:{second}".encode())
    assert respond(*given, "auth", "00000001", "c") == sm3(f"{first}:n0:00000001:c:auth:{second}".encode())


SIPP = shutil.which("sipp")
foreign = pytest.mark.skipif(SIPP is None, reason="sipp (Debian: sip-tester) is not installed")


async def sipp(scenario, folder, server, *more):
    """A foreign end that plays a scenario; its process, and the port it listens on."""
    port = await free_port()
    process = await asyncio.create_subprocess_exec(
        str(SIPP), "-sf", str(Path(__file__).parent / "sipp" / scenario), "-m", "1", "-timeout", "15", "-nostdin",
        "-i", "127.0.0.1", "-p", str(port), "-trace_err", "-s", CODE, "-au", CODE, "-ap", PASSWORD, *more,
        f"127.0.0.1:{server.address[1]}",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    return process, port


async def free_port():
    made, _protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, ("127.0.0.1", 0)
    )
    port = made.get_extra_info("sockname")[1]
    made.close()
    await asyncio.sleep(0)
    return port


async def passed(process):
    out, _nothing = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, out.decode("utf-8", "replace")[-3000:]


@foreign
@pytest.mark.parametrize(("scenario", "error"), [("answers.xml", ""), ("leaves.xml", ""), ("busy.xml", "486")])
def test_a_foreign_end_is_called(scenario, error, tmp_path):
    """It answers twice and wants two ACKs; hangs up itself; is busy."""

    async def work():
        async with Alone() as server:
            process, port = await sipp(scenario, tmp_path, server)
            flow = server.endpoint.flow_to(("127.0.0.1", port))
            server.peers.bind(Binding(server.knows(), flow, "", 0, 2**40, 2**40))
            seen = Seen()
            if error:
                with pytest.raises(RefusedByDeviceError, match=error):
                    await server.calls.begin(CODE, CHANNEL, seen)
            else:
                call = await server.calls.begin(CODE, CHANNEL, seen)
                assert (call.offer.host, call.offer.port, call.offer.ssrc) == ("127.0.0.1", 40_000, 1234)
                if scenario == "leaves.xml":
                    await until(lambda: seen.why)
                    assert seen.why == "device hung up"
                else:
                    await asyncio.sleep(0.4)  # its second 200 comes
                    await call.stop()
            await passed(process)
            assert not len(server.calls)

    alone(work())


@foreign
def test_a_foreign_end_registers_over_a_bad_line(tmp_path):
    """A fifth of what it sends is lost, and a fifth of what it is sent: everything is repeated until it gets there."""

    async def work():
        async with Alone() as server:
            server.knows()
            process, _port = await sipp("camera.xml", tmp_path, server, "-lost", "20", "-max_retrans", "20")
            await passed(process)
            assert server.turned == []
            assert server.peers.online(CODE) is None

    alone(work())
