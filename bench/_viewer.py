"""A lean viewer: connects by ICE, DTLS and SRTP as a browser does, counts packets by their numbers, decodes nothing.

Every 64th packet is decrypted, so that what is counted is known to be what was sent; the rest costs next to nothing,
for the machine's other half belongs to the platform.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import cast

from aioice import stun
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, RTCIceTransport
from pylibsrtp import Error as SrtpError

from media.rtp.datagrams import Datagrams

CHECK_S = 2.0
DECRYPTED_EVERY = 64
OFFER = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=video 9 UDP/TLS/RTP/SAVPF 102
c=IN IP4 0.0.0.0
a=ice-ufrag:{ufrag}
a=ice-pwd:{password}
a=fingerprint:{algorithm} {fingerprint}
a=setup:actpass
a=mid:0
a=recvonly
a=rtcp-mux
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f
"""


class Viewer:
    """One viewing.

    Parameters
    ----------
    certificate : RTCCertificate
        May be shared by all.
    """

    role = "controlling"

    def __init__(self, certificate: RTCCertificate) -> None:
        self._loop = asyncio.get_running_loop()
        self._ufrag, self._password = secrets.token_hex(4), secrets.token_hex(16)
        mark = certificate.getFingerprints()[0]
        self.offer = OFFER.format(
            ufrag=self._ufrag, password=self._password, algorithm=mark.algorithm, fingerprint=mark.value
        )
        self._dtls = RTCDtlsTransport(cast(RTCIceTransport, self), [certificate])
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()
        self._datagrams: Datagrams | None = None
        self._platform = ("", 0)
        self._tasks: list[asyncio.Task[None]] = []
        self._highest: int | None = None
        self.packets = self.lost = self.frames = self.bytes = self.bad = 0
        self.first_frame_s = 0.0

    async def connect(self, answer: str) -> None:
        """Begin to receive; the answer is the platform's."""
        found = re.search(r"candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
        assert found is not None, "the answer names no candidate"
        self._platform = (found[1], int(found[2]))
        self._datagrams = Datagrams(found[1], 0, self._take)
        ufrag, password = (re.search(rf"a=ice-{name}:(\S+)", answer)[1] for name in ("ufrag", "pwd"))  # type: ignore[index]
        marks = [RTCDtlsFingerprint(*pair) for pair in re.findall(r"a=fingerprint:(\S+) (\S+)", answer)]
        self._tasks = [
            asyncio.create_task(self._check(ufrag, password)),
            asyncio.create_task(self._dtls.start(RTCDtlsParameters(marks))),
        ]

    async def _check(self, ufrag: str, password: str) -> None:
        while True:
            message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            message.attributes |= {"USERNAME": f"{ufrag}:{self._ufrag}", "PRIORITY": 1, "ICE-CONTROLLING": 1}
            message.attributes["USE-CANDIDATE"] = None
            message.add_message_integrity(password.encode())
            await self._send(bytes(message))
            await asyncio.sleep(CHECK_S)

    @property
    def full(self) -> int:
        """Datagrams that this process did not take in time: the platform has sent them, and the kernel dropped them."""
        return self._datagrams.full if self._datagrams is not None else 0

    def _take(self, data: bytes, _address: tuple[str, int]) -> None:
        """Count one; what is no RTP goes where it belongs."""
        if data[0] < 128:
            if data[0] >= 20:
                self._heard.put_nowait(data)
            return
        if 192 <= data[1] <= 223:
            return
        self.packets += 1
        self.bytes += len(data)
        number = data[2] << 8 | data[3]
        if self._highest is None:
            self._highest = number
        else:
            step = (number - self._highest) & 0xFFFF
            if step < 0x8000:
                self.lost += step - 1
                self._highest = number
            else:
                self.lost -= 1  # late, not lost
        if data[1] & 0x80:
            self.frames += 1
            self.first_frame_s = self.first_frame_s or self._loop.time()
        if self.packets % DECRYPTED_EVERY == 1 and self._dtls._rx_srtp is not None:
            try:
                self._dtls._rx_srtp.unprotect(data)
            except SrtpError:
                self.bad += 1

    async def _recv(self) -> bytes:
        return await self._heard.get()

    async def _send(self, data: bytes) -> None:
        if self._datagrams is not None:
            self._datagrams.sendto(data, self._platform)

    async def close(self) -> None:
        """Leave."""
        await self._dtls.stop()
        for task in self._tasks:
            task.cancel()
        if self._datagrams is not None:
            self._datagrams.close()
