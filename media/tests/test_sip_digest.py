"""Digest: known answers, every way to be wrong, and each algorithm there and back."""

from __future__ import annotations

import hashlib
import time

import pytest

from media.sip import digest
from media.sip.digest import ALGORITHMS, Challenger, Verdict, answer_challenge, respond
from media.sip.headers import read_credentials
from media.sip.message import read_message
from media.tests.captures import datagrams

CODE, URI = "31010000001320000001", "sip:31000000002000000001@3100000000"


def test_known_answers():
    assert ALGORITHMS["SM3"](b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    # RFC 2617, 3.5.
    assert respond(
        "MD5", "Mufasa", "testrealm@host.com", "Circle Of Life", "GET", "/dir/index.html",
        "dcd98b7102dd2f0e8b11d0f600bfb0c093", "auth", "00000001", "0a4f113b",
    ) == "6629fae49393a05397450978507c4ef1"  # fmt: skip


def test_a_real_camera_computes_what_we_do():
    request = read_message(datagrams("gb28181_reg-auth.pcapng")[4])
    given = read_credentials(request.headers.get("authorization"))
    expected = respond(
        "MD5", given["username"], given["realm"], "12345678", "REGISTER", given["uri"], given["nonce"], "", "", ""
    )
    assert given["response"] == expected


def credentials(challenger, shared="secret", algorithm="MD5"):
    offered = [read_credentials(value) for value in challenger.challenges("192.0.2.9")]
    offered = [challenge for challenge in offered if challenge["algorithm"] == algorithm]
    return read_credentials(answer_challenge(offered, CODE, shared, "REGISTER", URI))


def judge(challenger, given, shared="secret", peer="192.0.2.9", call="c", cseq=2):
    return challenger.judge(given, shared, "REGISTER", peer, call, cseq)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_right_password_gets_in_with_every_algorithm(algorithm):
    challenger = Challenger("3100000000", list(ALGORITHMS))
    given = credentials(challenger, algorithm=algorithm)
    assert ("qop" in given) == (algorithm != "MD5")
    assert judge(challenger, given) is Verdict.GOOD
    assert judge(challenger, credentials(challenger, "wrong", algorithm)) is Verdict.WRONG


def test_a_nonce_is_good_for_one_peer_one_conversation_and_a_while(monkeypatch):
    challenger = Challenger("3100000000")
    given = credentials(challenger)
    assert judge(challenger, given, peer="203.0.113.5") is Verdict.STALE
    assert judge(challenger, given) is Verdict.GOOD
    assert judge(challenger, given) is Verdict.STALE  # the same once more: somebody listened
    assert judge(challenger, given, call="other", cseq=9) is Verdict.STALE
    assert judge(challenger, given, cseq=3) is Verdict.GOOD  # a refresh without a new challenge
    late = credentials(challenger)
    now = time.time()
    monkeypatch.setattr(digest.time, "time", lambda: now + digest.NONCE_S + 1)
    assert judge(challenger, late) is Verdict.STALE


@pytest.mark.parametrize(
    "changed",
    [
        {"response": "0" * 32},
        {"response": ""},
        {"response": "\xff"},
        {"realm": "other"},
        {"algorithm": "SHA-256"},
        {"algorithm": "MD5-sess"},
        {"qop": "auth-int"},
        {"uri": "sip:other"},
        {"username": "x"},
    ],
)
def test_wrong_is_wrong(changed):
    challenger = Challenger("3100000000")
    assert judge(challenger, credentials(challenger) | changed) is Verdict.WRONG


@pytest.mark.parametrize("nonce", ["", "x", "0" * 32, "zz" * 16, "\xff" * 32])
def test_a_nonce_that_we_never_made(nonce):
    challenger = Challenger("3100000000")
    given = credentials(challenger) | {"nonce": nonce}
    assert judge(challenger, given) is Verdict.STALE


def test_used_nonces_take_bounded_memory(monkeypatch):
    monkeypatch.setattr(digest, "MOST_USED", 5)
    challenger = Challenger("3100000000")
    for _ in range(20):
        assert judge(challenger, credentials(challenger)) is Verdict.GOOD
    assert len(challenger._used) <= 5


def test_a_challenge_nobody_can_answer_gets_no_answer():
    assert answer_challenge([{"algorithm": "SHA-512-256"}], CODE, "p", "REGISTER", URI) == ""
    assert hashlib.md5(b"", usedforsecurity=False).hexdigest() == ALGORITHMS["MD5"](b"")
