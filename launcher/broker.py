"""The private mosquitto: loopback only, every client with a password and only its own topics."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import signal
import socket
from pathlib import Path
from urllib.parse import unquote, urlsplit

from launcher.configuration import Installation
from launcher.exceptions import LaunchError
from launcher.files import write_atomically
from launcher.identity import Identity
from launcher.processes import end, program_name, working_in
from launcher.tools import conda_prefix, find_program

PLATFORM = "platform"
ITERATIONS = 101

# Paths are relative to the broker's folder, which is its working folder: it may stand anywhere.
CONFIGURATION = """\
# Written by ./sandtable at every start.
listener {port} 127.0.0.1
allow_anonymous false
password_file passwords
acl_file acl
pid_file mosquitto.pid

# Sessions and queued QoS 1 messages outlive a restart; a crash loses at most this many seconds of them.
persistence true
persistence_location ./
autosave_interval 30
retain_available true

# By default a client that is away for a moment loses all but 1000 messages, without a word. No limit at all would
# let one dead subscriber take the machine's memory: a million positions are about 500 MB and eight minutes of 2000/s.
max_queued_messages 1000000
max_inflight_messages 1000
# Above any message the platform takes, so that oversized ones arrive and are refused and counted by name.
max_packet_size 4194304
# Sending each small packet at once would cost a third of the throughput.
set_tcp_nodelay false

sys_interval 1
connection_messages true
# Seconds since 1970: to write the local time, mosquitto asks the system for the time zone at every line, which costs
# as much as a message (docs/adr/0025).
log_timestamp true
# Refused publications are told at the debug level only. The warden reads this file and frees what it has read.
log_dest file mosquitto.log
log_type error
log_type warning
log_type notice
log_type information
log_type debug
"""

ACCESS = f"""\
# Written by ./sandtable at every start. A device's user name is kind/shard/device, so the broker itself keeps it to its
# own topics (docs/protocols/mqtt.md).
user {PLATFORM}
topic readwrite st/#
topic read $SYS/#

pattern write st/v1/%u/pos
pattern write st/v1/%u/batch
pattern write st/v1/%u/status
pattern write st/v1/%u/event
pattern write st/v1/%u/reply
pattern read st/v1/%u/acked
pattern read st/v1/%u/cmd
"""


def password_line(user: str, password: str, salt: bytes | None = None) -> str:
    """A line of mosquitto's password file: PBKDF2 with HMAC-SHA-512, as ``mosquitto_passwd`` of 2.0 writes it."""
    salt = salt or secrets.token_bytes(12)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS, 64)
    return f"{user}:$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}\n"


class Broker:
    """A private broker of one installation.

    Parameters
    ----------
    installation : Installation
        Whose it is.
    identity : Identity
        Under whom it runs.

    Raises
    ------
    LaunchError
        There is no mosquitto on this machine.
    """

    def __init__(self, installation: Installation, identity: Identity) -> None:
        self.installation = installation
        self.identity = identity
        self.folder = installation.broker_folder
        program = find_program("mosquitto", conda_prefix())
        if program is None:
            raise LaunchError(
                "未找到 mosquitto (mosquitto is not installed)",
                "安装 mosquitto，或用 MQTT_URL 指定已有服务 (install it, or set MQTT_URL).",
            )
        self.program = program

    def command(self) -> list[str]:
        """The broker in the foreground, as the supervisor starts it inside its folder."""
        return [*self.identity.prefix, str(self.program), "-c", "mosquitto.conf"]

    def ensure_files(self) -> None:
        """Write the configuration; the password file only where there is none, for the warden keeps it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / "mosquitto.conf", CONFIGURATION.format(port=self.installation.port("broker")))
        write_atomically(self.folder / "acl", ACCESS)
        self._platform_line()
        self.identity.take_over(self.folder)

    def _platform_line(self) -> None:
        # platform.line stands first in every password file the warden writes.
        path, passwords = self.folder / "platform.line", self.folder / "passwords"
        password = self.installation.secrets["broker"]
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        line = old if is_line_of(old, password) else password_line(PLATFORM, password)
        if line != old:
            write_atomically(path, line)
        devices = passwords.read_text(encoding="utf-8") if passwords.exists() else ""
        if line not in devices:
            kept = [row for row in devices.splitlines(keepends=True) if not row.startswith(f"{PLATFORM}:")]
            write_atomically(passwords, line + "".join(kept))

    def clear_remains(self) -> None:
        """End a broker a killed supervisor left behind, and drop its pid file."""
        if remains := [pid for pid in working_in(self.folder) if program_name(pid) == "mosquitto"]:
            end(remains, signal.SIGTERM, 3.0)
        (self.folder / "mosquitto.pid").unlink(missing_ok=True)


def is_line_of(line: str, password: str) -> bool:
    """Whether a password file's line was made of this password."""
    parts = line.strip().split("$")
    return len(parts) == 5 and line == password_line(PLATFORM, password, base64.b64decode(parts[3]))


def connect_packet(user: str, password: str, client: str) -> bytes:
    """An MQTT 3.1.1 CONNECT with a clean session."""

    def text(value: str) -> bytes:
        data = value.encode()
        return len(data).to_bytes(2, "big") + data

    flags = 0x02 | (0x80 if user else 0) | (0x40 if password else 0)
    body = text("MQTT") + bytes([4, flags]) + (10).to_bytes(2, "big") + text(client)
    body += (text(user) if user else b"") + (text(password) if password else b"")
    length = bytearray()
    rest = len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return b"\x10" + bytes(length) + body


def check_broker(url: str, timeout_s: float = 5.0) -> None:
    """Connect with the account in ``url`` and leave again.

    Raises
    ------
    LaunchError
        The broker cannot be reached or refuses the account.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise LaunchError("MQTT_URL 格式错误 (MQTT_URL is malformed)", "应为 mqtt://用户:口令@主机:端口.")
    port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
    advice = "检查消息服务是否运行、地址与口令是否正确 (check that the broker runs, its address and password)."
    try:
        with socket.create_connection((parts.hostname, port), timeout_s) as plain:
            connection = plain
            if parts.scheme == "mqtts":
                import ssl

                connection = ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
            packet = connect_packet(
                unquote(parts.username or ""), unquote(parts.password or ""), f"sandtable-check-{os.getpid()}"
            )
            connection.sendall(packet)
            answer = connection.recv(4)
    except OSError as error:
        raise LaunchError(f"无法连接消息服务 (cannot reach the broker): {error}", advice) from error
    if len(answer) < 4 or answer[0] != 0x20 or answer[3] != 0:
        raise LaunchError("消息服务拒绝平台账户 (the broker refuses the platform's account)", advice)


def log_file(installation: Installation) -> Path:
    """The broker's own log."""
    return installation.broker_folder / "mosquitto.log"
