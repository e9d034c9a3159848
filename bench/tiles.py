"""``bench tiles``: vector tiles of 200,000 moving and 100,000 fixed things, cold and from cache, over HTTP.

Through the whole web process: session, scope, query, answer. *Cold*: each tile is asked for once, at places where
things are, zooms 12 to 16 (``p50_ms``, ``p99_ms``) and, from sums, zooms 6 to 11 (``far_*``). Then the same requests by
several clients at once: ``uncached_per_s`` the first time, ``cached_per_s`` again and again. ``--peer`` sends the
uncached requests to another tile server on the same database: an address with ``{layer}``, ``{z}``, ``{x}``, ``{y}``.

In an installation of its own; ``--here``: in the present one, where the benchmark's things are removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import math
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from django.conf import settings

from bench._report import machine, progress, report
from bench._throwaway import run_loading, sandtable

NEAR, FAR = range(12, 17), range(6, 12)
LAYERS = ("assets.machine", "areas")
LIMIT_BYTES = 500_000
CLIENTS = 4
CACHED_S = 4.0
Tile = tuple[str, int, int, int]


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where a request was refused or a tile is too large."""
    parser = argparse.ArgumentParser(prog="sandtable bench tiles", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--here", action="store_true", help="在当前安装上运行")
    parser.add_argument("--keep", action="store_true", help="测完不清除测试数据")
    parser.add_argument("--moving", type=int, default=200_000, help="移动对象数（默认 200000）")
    parser.add_argument("--fixed", type=int, default=100_000, help="固定要素数（默认 100000 个 36 边的区域）")
    parser.add_argument("--tiles", type=int, default=40, help="每个图层每级的瓦片数（默认 40）")
    parser.add_argument("--peer", metavar="URL", help="另一个瓦片服务的地址，含 {layer} {z} {x} {y}")
    return run_loading("tiles", parser, arguments, _here)


def _here(options: argparse.Namespace) -> int:
    from bench._socket import session_of_the_bench
    from bench._tile_things import fill, remove, sum_up

    url = urlsplit(json.loads(sandtable(settings.VAR_DIR, "status", "--json", capture_output=True).stdout)["url"])
    progress(f"{options.moving} moving and {options.fixed} fixed things")
    lon, lat = fill(options.moving, options.fixed)
    try:
        sums_s = sum_up()
        session = session_of_the_bench()
        wire = _Wire(url.hostname or "127.0.0.1", url.port or 80, f"Cookie: sessionid={session}")
        figures = _measure(options, wire, lon, lat)
    finally:
        if not options.keep:
            remove()
    figures |= {"sums_s": sums_s, "moving": options.moving, "fixed": options.fixed, "machine": machine()}
    report(figures, options.json)
    return int(figures["refused"] > 0 or figures["max_bytes"] >= LIMIT_BYTES)


def _measure(options: argparse.Namespace, wire: _Wire, lon: np.ndarray, lat: np.ndarray) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    near, far = (_tiles(zooms, options.tiles, lon, lat, rng) for zooms in (NEAR, FAR))
    # What a process does once in its life is done before: connections, imports, plans.
    for tile in _tiles(range(17, 18), 4, lon, lat, rng) + near[:1]:
        wire.get(_address(tile))
    half = len(near) // 2
    progress(f"{half} cold tiles of zooms 12 to 16, {len(far)} of zooms 6 to 11")
    alone = [wire.get(_address(tile)) for tile in near[1:half]]
    distant = [wire.get(_address(tile)) for tile in far]
    many = near[half:]
    progress(f"{len(many)} more by {CLIENTS} clients at once, then again from cache")
    uncached = _together(wire, [_address(tile) for tile in many], once=True)
    fixed = [_address(tile) for tile in many if tile[0] == "areas"]
    for address in fixed:
        wire.get(address)
    cached = _together(wire, fixed, once=False)
    answers = [*alone, *distant]
    near_ms, far_ms = ([ms for _status, _size, ms in part] for part in (alone, distant))
    figures: dict[str, Any] = {
        "p50_ms": round(float(np.percentile(near_ms, 50)), 1),
        "p99_ms": round(float(np.percentile(near_ms, 99)), 1),
        "far_p50_ms": round(float(np.percentile(far_ms, 50)), 1),
        "far_p99_ms": round(float(np.percentile(far_ms, 99)), 1),
        "max_bytes": max(size for _status, size, _ms in answers),
        "cached_per_s": round(cached),
        "uncached_per_s": round(uncached),
        "cached_ratio": round(cached / uncached, 1),
        "refused": sum(status != 200 for status, _size, _ms in answers),
        "peer_ratio": None,
    }
    if options.peer:
        peer = urlsplit(options.peer)
        progress(f"the same {len(many)} to {peer.netloc}")
        other = _Wire(peer.hostname or "", peer.port or 80, "X-Sandtable-Bench: 1")
        addresses = [
            options.peer[options.peer.index(peer.netloc) + len(peer.netloc) :].format(layer=layer, z=z, x=x, y=y)
            for layer, z, x, y in many
        ]
        other.get(addresses[0])
        figures["peer_per_s"] = round(_together(other, addresses, once=True))
        figures["peer_ratio"] = round(uncached / figures["peer_per_s"], 2)
    return figures


def _tiles(zooms: range, count: int, lon: np.ndarray, lat: np.ndarray, rng: np.random.Generator) -> list[Tile]:
    """Different tiles that hold something, so many a layer and zoom as there are, in random order."""
    found: dict[Tile, None] = {}
    for zoom in zooms:
        n = 1 << zoom
        at = rng.permutation(len(lon))[: count * 4]
        x = ((lon[at] + 180) / 360 * n).astype(int)
        y = ((1 - np.arcsinh(np.tan(np.radians(lat[at]))) / math.pi) / 2 * n).astype(int)
        places = list(dict.fromkeys(zip(x.tolist(), y.tolist(), strict=True)))
        for layer in LAYERS:
            if layer == "areas" and not 9 <= zoom <= 15:
                continue
            found |= dict.fromkeys((layer, zoom, *place) for place in places[:count])
    order = list(found)
    rng.shuffle(order)
    return order


def _address(tile: Tile) -> str:
    layer, z, x, y = tile
    return f"/ogc/collections/{layer}/tiles/WebMercatorQuad/{z}/{y}/{x}"


class _Wire:
    """Connections that are kept open; as little work as can be, for the client shares the processor."""

    def __init__(self, host: str, port: int, header: str) -> None:
        self._place = (host, port)
        self._tail = f" HTTP/1.1\r\nHost: {host}:{port}\r\n{header}\r\nAccept: */*\r\n\r\n".encode()
        self._local = threading.local()

    def get(self, address: str) -> tuple[int, int, float]:
        """Status, bytes and milliseconds of one request."""
        began = time.perf_counter()
        if not hasattr(self._local, "socket"):
            self._local.socket = socket.create_connection(self._place, 30)
            self._local.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = self._local.socket
        try:
            wire.sendall(b"GET " + address.encode() + self._tail)
            got = wire.recv(1 << 18)
        except ConnectionError:
            got = b""
        if not got:
            # The server lets go of a connection that was not used for some seconds.
            wire.close()
            del self._local.socket
            return self.get(address)
        while b"\r\n\r\n" not in got:
            got += self._more(wire)
        head, _gap, body = got.partition(b"\r\n\r\n")
        lower = head.lower()
        if b"content-length:" in lower:
            size = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            missing = size - len(body)
            while missing > 0:
                missing -= len(self._more(wire))
        else:
            while not body.endswith(b"0\r\n\r\n"):
                body += self._more(wire)
            size = len(body)
        return int(head[9:12]), size, (time.perf_counter() - began) * 1000

    @staticmethod
    def _more(wire: socket.socket) -> bytes:
        part = wire.recv(1 << 18)
        if not part:
            raise ConnectionError("the server closed the connection")
        return part


def _together(wire: _Wire, addresses: list[str], *, once: bool) -> float:
    """Requests a second that several clients get answered: each address once, or all of them for some seconds."""
    answered = [0] * CLIENTS
    began = time.perf_counter()

    def run(number: int) -> None:
        mine = addresses[number::CLIENTS]
        while True:
            for address in mine:
                wire.get(address)
                answered[number] += 1
                if not once and time.perf_counter() - began > CACHED_S:
                    return
            if once or not mine:
                return

    threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(answered) / (time.perf_counter() - began)
