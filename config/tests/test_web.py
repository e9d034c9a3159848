"""How the web process listens and how it keeps its database connections."""

from __future__ import annotations

import logging.config
import socket

from django.conf import settings

from config.database import parse_database_url, pooled
from config.web import UNSENT_BYTES, server, shared_socket


def test_what_a_browser_does_not_read_stays_small():
    with shared_socket("127.0.0.1", 0) as listening:
        listening.listen()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == UNSENT_BYTES


def test_two_processes_may_have_one_address():
    with shared_socket("127.0.0.1", 0) as first, shared_socket("127.0.0.1", first.getsockname()[1]) as second:
        assert first.getsockname() == second.getsockname()


def test_a_pool_is_bounded_and_leaves_the_settings_of_others_alone():
    plain = parse_database_url("postgres://one@db/two?sslmode=require")
    kept = pooled(plain)
    assert "pool" not in plain["OPTIONS"]
    assert kept["OPTIONS"]["sslmode"] == "require"
    assert kept["CONN_MAX_AGE"] == 0  # Django refuses both at once
    assert 1 <= kept["OPTIONS"]["pool"]["min_size"] <= kept["OPTIONS"]["pool"]["max_size"] <= 20


def test_what_was_asked_for_is_not_written_down():
    server()
    logging.config.dictConfig(settings.LOGGING)  # as Django does when the server loads it
    assert not logging.getLogger("uvicorn.access").hasHandlers()
    assert logging.getLogger("uvicorn.error").hasHandlers()
