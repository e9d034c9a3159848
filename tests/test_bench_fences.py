"""``bench fences`` and its client of Tile38, against a small server that speaks RESP as it is published."""

from __future__ import annotations

import json
import socket
import threading

import pytest
import shapely

from bench import fences
from bench._tile38 import Tile38, Tile38Error


class Server:
    """Answers DROP, SET, INTERSECTS and SERVER; ``wrong`` replaces the answers to INTERSECTS."""

    def __init__(self, wrong=None):
        self.wrong = wrong
        self.kept = {}
        self.heard = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self):
        self._listening.close()
        self._thread.join(10)

    def _serve(self):
        connection, _peer = self._listening.accept()
        with connection, connection.makefile("rb") as commands:
            while head := commands.readline():
                words = []
                for _ in range(int(head[1:])):
                    length = int(commands.readline()[1:])
                    words.append(commands.read(length + 2)[:-2].decode())
                self.heard.append(words)
                answer = self._answer(*words)
                # In two pieces: a client must not take a piece for the whole.
                connection.sendall(answer[:3])
                connection.sendall(answer[3:])

    def _answer(self, name, *words):
        if name == "DROP":
            self.kept.clear()
            return b":0\r\n"
        if name == "SET":
            self.kept[words[1]] = shapely.from_geojson(words[3])
            return b"+OK\r\n"
        if name == "SERVER":
            return bulks("version", "1.33.0", "id", "x")
        if self.wrong is not None:
            return self.wrong
        point = shapely.from_geojson(words[-1])
        found = [key for key, shape in self.kept.items() if shape.intersects(point)]
        return b"*2\r\n:0\r\n" + bulks(*found)


def bulks(*texts):
    return b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%s\r\n" % (len(t), t.encode()) for t in texts)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def measured(capsys, *arguments):
    code = fences.main(["--json", "--positions", "3000", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_the_curve_without_a_peer(capsys):
    code, figures = measured(capsys, "--areas", "50", "500")
    assert code == 0
    assert [point["areas"] for point in figures["curve"]] == [50, 500]
    assert all(point["inside"] > 1500 and point["events"] for point in figures["curve"])
    assert figures["us_per_position"] == figures["curve"][-1]["us_per_position"] > 0
    assert figures["peer_ratio"] is figures["peer"] is None


def test_the_same_work_against_the_peer(capsys, server):
    code, figures = measured(capsys, "--areas", "60", "--tile38", server.address)
    assert code == 0
    assert figures["peer"] == "1.33.0"
    assert figures["curve"][0]["peer_agrees"] is True
    assert figures["peer_ratio"] > 0
    asked = [words for words in server.heard if words[0] == "INTERSECTS"]
    assert len(asked) == 3000
    assert asked[0][:6] == ["INTERSECTS", "sandtable-bench", "LIMIT", "100000", "IDS", "OBJECT"]
    assert server.kept == {}, "what the benchmark stored is gone"


def test_a_peer_that_says_something_else_is_told(capsys):
    server = Server(b"*2\r\n:0\r\n*0\r\n")
    code, figures = measured(capsys, "--areas", "60", "--tile38", server.address)
    server.close()
    assert code == 1
    assert figures["curve"][0]["peer_agrees"] is False


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"-ERR invalid argument 'IDS'\r\n", "invalid argument"),
        (b"$-1\r\n", "answered with None"),
        (b"*1\r\n:0\r\n", r"answered with \[0\]"),
        (b"HTTP/1.1 400\r\n", "no RESP"),
    ],
)
def test_answers_that_are_none(answer, said):
    server = Server(answer)
    with Tile38(server.address) as peer, pytest.raises(Tile38Error, match=said):
        list(peer.containing([(121.5, 31.2)]))
    server.close()


def test_a_server_that_goes_away_or_is_not_there(capsys):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with Tile38(f"127.0.0.1:{silent.getsockname()[1]}") as peer:
            connection, _peer = silent.accept()
            connection.sendall(b"$5\r\nab")
            connection.close()
            with pytest.raises((Tile38Error, ConnectionError)):
                peer.version()
        port = silent.getsockname()[1]
    with pytest.raises(SystemExit) as stopped:
        fences.main(["--areas", "1", "--positions", "1", "--tile38", f"127.0.0.1:{port}"])
    assert stopped.value.code == 1
    assert "nobody answers" in capsys.readouterr().err
    with pytest.raises(Tile38Error, match="no HOST:PORT"):
        Tile38("localhost")
