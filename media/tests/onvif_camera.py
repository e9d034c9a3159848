"""A small ONVIF camera for tests: HTTP and WS-Discovery over real sockets, its answers shaped as the WSDLs have them
and written with other prefixes than ours; it judges digests itself."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tt="http://www.onvif.org/ver10/schema"><SOAP-ENV:Header/>'
    "<SOAP-ENV:Body>{}</SOAP-ENV:Body></SOAP-ENV:Envelope>"
)
FAULT = (
    "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value><SOAP-ENV:Subcode><SOAP-ENV:Value>"
    "{}</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code><SOAP-ENV:Reason><SOAP-ENV:Text>{}</SOAP-ENV:Text>"
    "</SOAP-ENV:Reason></SOAP-ENV:Fault>"
)
PROFILE = (
    '<trt:Profiles token="{token}" fixed="true"><tt:Name>{token}</tt:Name><tt:VideoSourceConfiguration token="v">'
    "<tt:Name>v</tt:Name><tt:SourceToken>{source}</tt:SourceToken></tt:VideoSourceConfiguration>"
    '<tt:VideoEncoderConfiguration token="e"><tt:Encoding>{codec}</tt:Encoding><tt:Resolution><tt:Width>{width}'
    "</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution></tt:VideoEncoderConfiguration>{ptz}</trt:Profiles>"
)


class OnvifCamera:
    """Two eyes, the first on a head that moves; its clock is an hour ahead."""

    def __init__(self, stream="rtsp://192.0.2.1:554/1", raw=None, way="token", newer=False, tls=None):
        self.newer, self.tls = newer, tls
        self.stream, self.password, self.raw, self.way = stream, "pw 1", raw, way
        self.asked, self.nonces = [], set()
        self.presets = {"Preset7": "门口"}
        self.clock = timedelta(hours=1)

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.address = f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/onvif/device_service"
        camera = self

        class Probed(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport

            def datagram_received(self, data, address):
                for answer in camera.matches(re.search(rb"MessageID>(.*?)<", data)[1].decode()):
                    self.transport.sendto(answer, address)

        loop = asyncio.get_running_loop()
        self._probed, _ = await loop.create_datagram_endpoint(Probed, local_addr=("127.0.0.1", 0))
        self.group = self._probed.get_extra_info("sockname")[:2]
        return self

    def close(self):
        self._server.close()

    async def __aexit__(self, *_):
        self.close()
        self._probed.close()
        await asyncio.sleep(0.01)

    def matches(self, number):
        head = "<a:RelatesTo>{}</a:RelatesTo>"
        body = (
            "<d:ProbeMatches><d:ProbeMatch><d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>"
            "onvif://www.onvif.org/name/%E5%8C%97%E9%97%A8 onvif://www.onvif.org/hardware/X-1 </d:Scopes>"
            "<d:XAddrs>{}</d:XAddrs></d:ProbeMatch></d:ProbeMatches>"
        )
        empty = "<SOAP-ENV:Header/>"
        right = ENVELOPE.replace(empty, f"<SOAP-ENV:Header>{head.format(number)}</SOAP-ENV:Header>")
        yield right.format(body.format(f"http://[fe80::1]/x {self.address}")).encode()
        yield right.format(body.format("http://192.0.2.9/onvif/device_service")).encode()  # leads elsewhere
        yield ENVELOPE.format(body.format(self.address + "2")).encode()  # an answer to nobody's question
        yield b"<" * 40_000

    async def _serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(re.search(r"content-length: (\d+)", head, re.IGNORECASE)[1])
            body = (await reader.readexactly(length)).decode()
            if self.raw is not None:
                writer.write(self.raw)
            else:
                self._reply(writer, head, body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _reply(self, writer, head, body):
        word = re.search(r"Body><(\w+)", body)[1]
        self.asked.append((word, body))
        status, content = "200 OK", ""
        if word != "GetSystemDateAndTime" and not self._let_in(head, body):
            status = "400 Bad Request" if self.way == "token" else "401 Unauthorized"
            content = FAULT.format("ter:NotAuthorized", "Sender not authorized")
        else:
            content = getattr(self, f"_{word.lower()}")(body)
            if "Fault>" in content:
                status = "500 Internal Server Error"
        data = ENVELOPE.format(content).encode()
        more = 'WWW-Authenticate: Digest realm="cam", nonce="n", qop="auth"\r\n' if self.way == "http" else ""
        # In pieces, as gSOAP sends it.
        writer.write(f"HTTP/1.1 {status}\r\n{more}Transfer-Encoding: chunked\r\n\r\n".encode())
        for at in range(0, len(data), 300):
            piece = data[at : at + 300]
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        writer.write(b"0\r\n\r\n")

    def _let_in(self, head, body):
        if self.way == "http":
            return 'username="admin"' in head
        found = [
            re.search(rf"<\w:{name}(?: [^>]*)?>(.*?)<", body) for name in ("Username", "Password", "Nonce", "Created")
        ]
        if not all(found):
            return False
        username, shown, nonce, created = (one[1] for one in found)
        whole = base64.b64decode(nonce) + created.encode() + self.password.encode()
        right = base64.b64encode(hashlib.sha1(whole, usedforsecurity=False).digest()).decode()
        then = datetime.strptime(created, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        fresh = abs(datetime.now(UTC) + self.clock - then) < timedelta(seconds=5) and nonce not in self.nonces
        self.nonces.add(nonce)
        return username == "admin" and shown == right and fresh

    def _getsystemdateandtime(self, _body):
        now = datetime.now(UTC) + self.clock
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime><tt:Time>"
            f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second></tt:Time>"
            f"<tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
            "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _getservices(self, _body):
        if not self.newer:
            return FAULT.format("ter:ActionNotSupported", "no such thing")
        rows = "".join(
            f"<tds:Service><tds:Namespace>{name}</tds:Namespace><tds:XAddr>http://192.168.1.64/onvif/{path}</tds:XAddr>"
            "</tds:Service>"
            for name, path in (
                ("http://www.onvif.org/ver10/media/wsdl", "Media"), ("http://www.onvif.org/ver20/media/wsdl", "Media2"),
            )
        )  # fmt: skip
        return f"<tds:GetServicesResponse>{rows}</tds:GetServicesResponse>"

    def _getcapabilities(self, _body):
        return (
            "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>http://192.168.1.64/onvif/Media</tt:XAddr>"
            f"</tt:Media><tt:PTZ><tt:XAddr>http://127.0.0.1:{self.port}/onvif/PTZ</tt:XAddr></tt:PTZ></tds:Capabilities>"
            "</tds:GetCapabilitiesResponse>"
        )

    def _getdeviceinformation(self, _body):
        return (
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>厂商</tds:Manufacturer><tds:Model>X-1</tds:Model>"
            "<tds:FirmwareVersion>5.0</tds:FirmwareVersion></tds:GetDeviceInformationResponse>"
        )

    def _getprofiles(self, body):
        if "ver20/media" in body:
            return (
                '<tr2:GetProfilesResponse><tr2:Profiles token="new" fixed="true"><tr2:Name>new</tr2:Name>'
                '<tr2:Configurations><tr2:VideoSource token="v"><tt:SourceToken>eye1</tt:SourceToken></tr2:VideoSource>'
                '<tr2:VideoEncoder token="e"><tt:Encoding>H265</tt:Encoding><tt:Resolution><tt:Width>3840</tt:Width>'
                "<tt:Height>2160</tt:Height></tt:Resolution></tr2:VideoEncoder></tr2:Configurations></tr2:Profiles>"
                "</tr2:GetProfilesResponse>"
            )
        ptz = '<tt:PTZConfiguration token="p"/>'
        rows = [("sub", "eye1", "H264", 640, 360, ptz), ("main", "eye1", "H264", 1920, 1080, ptz),
                ("jpeg", "eye1", "JPEG", 4000, 3000, ptz), ("second", "eye2", "H264", 1280, 720, "")]  # fmt: skip
        names = ("token", "source", "codec", "width", "height", "ptz")
        text = "".join(PROFILE.format(**dict(zip(names, row, strict=True))) for row in rows)
        return f"<trt:GetProfilesResponse>{text}</trt:GetProfilesResponse>"

    def _getstreamuri(self, body):
        uri = self.stream.replace("://", "://u:p@") + "?a=1&amp;b=2"
        if "ver20/media" in body:
            return f"<tr2:GetStreamUriResponse><tr2:Uri>{uri}</tr2:Uri></tr2:GetStreamUriResponse>"
        return (
            f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>"
        )

    def _continuousmove(self, _body):
        return "<tptz:ContinuousMoveResponse/>"

    def _stop(self, _body):
        return "<tptz:StopResponse/>"

    def _getpresets(self, _body):
        rows = "".join(
            f'<tptz:Preset token="{token}"><tt:Name>{name}</tt:Name></tptz:Preset>'
            for token, name in self.presets.items()
        )
        return f"<tptz:GetPresetsResponse>{rows}</tptz:GetPresetsResponse>"

    def _gotopreset(self, body):
        if re.search("PresetToken>(.*?)<", body)[1] not in self.presets:
            return FAULT.format("ter:NoToken", "no such preset")
        return "<tptz:GotoPresetResponse></tptz:GotoPresetResponse>"

    def _setpreset(self, body):
        name = re.search("PresetName>(.*?)<", body)[1]
        self.presets[f"Preset{name}"] = name
        return f"<tptz:SetPresetResponse><tptz:PresetToken>Preset{name}</tptz:PresetToken></tptz:SetPresetResponse>"

    def _removepreset(self, body):
        del self.presets[re.search("PresetToken>(.*?)<", body)[1]]
        return "<tptz:RemovePresetResponse/>"
