"""A small RTSP server for tests, written from RFC 2326 and not from the client's code: it plays clips, and relays what
ffmpeg pushes to it (ANNOUNCE, RECORD), so that foreign packets and a foreign description reach the client."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct

SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=clip\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n"
    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/16000/1\r\n"
    "a=fmtp:97 streamtype=5; mode=AAC-hbr; sizelength=13; indexlength=3; config=1408\r\na=control:track2\r\n"
)


def nals(data):
    return [part.rstrip(b"\0") for part in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if part]


def pack(data, number, time, type_=96, most=600, codec="h264"):
    """RTP packets of one picture: small NAL units together, large ones in parts."""
    units, payloads, small = nals(data), [], []
    head = 1 if codec == "h264" else 2
    for unit in units:
        if len(unit) < 100 and unit is not units[-1]:
            small.append(unit)
            continue
        if small:
            mark = bytes([24 | 0x60]) if codec == "h264" else bytes([48 << 1, 1])
            payloads.append(mark + b"".join(struct.pack(">H", len(u)) + u for u in small))
            small = []
        if len(unit) <= most:
            payloads.append(unit)
            continue
        kind = unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F
        first = bytes([unit[0] & 0xE0 | 28]) if codec == "h264" else bytes([unit[0] & 0x81 | 49 << 1, unit[1]])
        body = unit[head:]
        parts = [body[i : i + most] for i in range(0, len(body), most)]
        for i, part in enumerate(parts):
            mark = (0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0) | kind
            payloads.append(first + bytes([mark]) + part)
    return [
        struct.pack(">BBHII", 0x80, type_ | (0x80 if i == len(payloads) - 1 else 0), (number + i) & 0xFFFF,
                    time & 0xFFFFFFFF, 7) + payload
        for i, payload in enumerate(payloads)
    ]  # fmt: skip


def aac(unit, number, time):
    header = struct.pack(">HH", 16, len(unit) << 3)
    return struct.pack(">BBHII", 0x80, 0xE1, number, time, 8) + header + unit


class RtspServer:
    """Plays ``pictures`` (access units) to whoever asks; ``answer`` may replace what is said."""

    def __init__(self, pictures=(), auth="", sdp=SDP, answer=None, sound=b"", repeat=1, tls=None):
        self.tls = tls
        self.pictures, self.auth, self.sdp, self.answer = pictures, auth, sdp, answer
        self.sound, self.repeat = sound, repeat
        self.asked, self.writers, self.published = [], [], asyncio.Event()
        self.viewers, self.datagrams = [], []
        self.nonce, self.stale_once = "n1", False
        self.ended = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"rtsp{'s' if self.tls else ''}://127.0.0.1:{self.port}/live/1"
        self._tasks = set()
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for writer in self.writers:
            if not writer.is_closing():
                writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for way in self.datagrams:
            way.close()
        await asyncio.sleep(0)  # closing takes a turn of the loop

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self.writers.append(writer)
        ways = []
        try:
            while True:
                first = await reader.readexactly(1)
                if first == b"$":
                    channel, length = struct.unpack(">BH", await reader.readexactly(3))
                    self._relay(channel, await reader.readexactly(length))
                    continue
                head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
                line, *lines = head.strip().split("\r\n")
                method, uri, _version = line.split(" ")
                headers = {n.lower(): v.strip() for n, _c, v in (each.partition(":") for each in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.asked.append((method, uri, headers))
                await self._reply(writer, method, uri, headers, body, ways)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.ended += 1
            writer.close()

    async def _reply(self, writer, method, uri, headers, body, ways):
        def say(status, more=(), content=b""):
            lines = [f"RTSP/1.0 {status}", f"CSeq: {headers['cseq']}", *more]
            if content:
                lines.append(f"Content-Length: {len(content)}")
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + content)

        if self.answer is not None and (special := self.answer(method, headers)) is not None:
            writer.write(special)
            return
        if self.auth and method != "OPTIONS" and not self._let_in(method, headers.get("authorization", "")):
            stale = ", stale=true" if self.stale_once else ""
            self.stale_once = False
            digest = f'WWW-Authenticate: Digest realm="cam", nonce="{self.nonce}"{stale}'
            basic = 'WWW-Authenticate: Basic realm="cam"'
            say("401 Unauthorized", [basic] if self.auth == "basic" else [basic, digest])
            return
        transport = headers.get("transport", "")
        match method:
            case "OPTIONS":
                say("200 OK", ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"])
            case "DESCRIBE":
                say("200 OK", [f"Content-Base: {uri}/", "Content-Type: application/sdp"], self.sdp.encode())
            case "ANNOUNCE":
                self.sdp = body.decode()
                say("200 OK")
            case "SETUP" if "interleaved" in transport:
                ways.append((writer, int(transport.partition("interleaved=")[2].partition("-")[0])))
                say("200 OK", [f"Transport: {transport};ssrc=00000007", "Session: 42;timeout=60"])
            case "SETUP":
                port = int(transport.partition("client_port=")[2].partition("-")[0])
                way, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0), remote_addr=("127.0.0.1", port)
                )
                ways.append((way, None))
                self.datagrams.append(way)
                own = way.get_extra_info("sockname")[1]
                say("200 OK", [f"Transport: {transport};server_port={own}-{own + 1}", "Session: 42"])
            case "RECORD":
                say("200 OK", ["Session: 42"])
                self.published.set()
            case "PLAY":
                say("200 OK", ["RTP-Info: url=a;seq=1;rtptime=1000,url=b;seq=1;rtptime=500"])
                if self.pictures:
                    task = asyncio.create_task(self._play(list(ways)))
                    self._tasks.add(task)
                else:
                    self.viewers.append(list(ways))
            case _:
                say("200 OK")

    def _let_in(self, method, shown):
        if self.auth == "basic":
            return shown == "Basic " + base64.b64encode(b"admin:pw 1").decode()
        fields = dict(part.strip().split("=", 1) for part in shown.partition(" ")[2].split(",") if "=" in part)
        fields = {name: value.strip('"') for name, value in fields.items()}

        def md5(text):
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        right = md5(f"{md5('admin:cam:pw 1')}:{self.nonce}:{md5(method + ':' + fields.get('uri', ''))}")
        return fields.get("response") == right

    async def _play(self, ways):
        number = 0
        for turn in range(self.repeat):
            for i, picture in enumerate(self.pictures):
                at = turn * len(self.pictures) + i
                packets = pack(picture, number, 1000 + at * 3600)
                number += len(packets)
                for packet in packets:
                    send(ways[0], packet)
                if self.sound and len(ways) > 1:
                    send(ways[1], aac(self.sound, at, 500 + at * 640))
                await asyncio.sleep(0.002)

    def _relay(self, channel, packet):
        for ways in self.viewers:
            if channel // 2 < len(ways):
                send(ways[channel // 2], packet, channel % 2)


def send(way, packet, report=0):
    where, channel = way
    if channel is None:
        if not report:
            where.sendto(packet)
    else:
        where.write(struct.pack(">cBH", b"$", channel + report, len(packet)) + packet)
