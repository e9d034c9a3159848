"""Reading and writing SIP: what cameras sent in the captures, and torture after the meaning of RFC 4475."""

from __future__ import annotations

import pytest

from media.sip.exceptions import MalformedError
from media.sip.framing import Framer
from media.sip.headers import read_address, read_credentials, read_uri, read_via, split_list
from media.sip.message import MOST_BODY_BYTES, Request, Response, read_message
from media.tests.captures import datagrams

WHOLE = {
    "Via": "SIP/2.0/UDP 10.0.0.8:5060;rport;branch=z9hG4bK1",
    "From": "<sip:31010000001320000001@3101000000>;tag=1",
    "To": "<sip:31000000002000000001@3100000000>",
    "Call-ID": "c1",
    "CSeq": "7 MESSAGE",
}


def text(first="MESSAGE sip:31000000002000000001@3100000000 SIP/2.0", body=b"", end="\r\n", without=(), **more):
    headers = {k: v for k, v in WHOLE.items() if k not in without} | {k.replace("_", "-"): v for k, v in more.items()}
    lines = [first, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return end.join(lines).encode("latin-1") + body


@pytest.mark.parametrize("name", ["gb28181_reg-auth.pcapng", "gb28181_invite-live-catalog.pcapng"])
def test_real_messages_are_read_and_written_alike(name):
    found = datagrams(name)
    assert len(found) in (8, 12)
    for data in found:
        message = read_message(data)
        again = read_message(message.write())
        assert (again.first_line, again.headers.all("via")) == (message.first_line, message.headers.all("via"))
        assert (again.body, again.cseq) == (message.body, message.cseq)
        assert sorted(again.headers.items[:-1]) == sorted(
            item for item in message.headers.items if item[0] != "content-length"
        )
        assert not message.truncated


def test_compact_folded_and_oddly_spaced_headers():
    data = (
        b"MESSAGE sip:a@b SIP/2.0\r\n"
        b"v :  SIP / 2.0 / UDP\r\n   192.0.2.2 : 5061 ;branch=z9hG4bKx;RPORT, SIP/2.0/TCP second.example\r\n"
        b'f:"A quoted \\"name\\", with <tricks>" <sip:31010000001320000001@3101000000> ; TAG=a7\r\n'
        b"t : sip:user@host;tag=1\r\ni:abc\r\nCSEQ:\t0009\r\n  MESSAGE\r\nl: 2\r\n\r\nhi"
    )
    message = read_message(data)
    assert isinstance(message, Request)
    assert (message.via.host, message.via.port, message.via.branch) == ("192.0.2.2", 5061, "z9hG4bKx")
    assert "rport" in message.via.parameters
    assert len(message.headers.all("via")) == 2
    assert (message.sender.tag, message.sender.uri) == ("a7", "sip:31010000001320000001@3101000000")
    assert (message.recipient.tag, message.cseq, message.body) == ("1", 9, b"hi")


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_either_line_end_and_empty_lines_before(end):
    message = read_message(b"\r\n\r\n" + text(end=end, body=b"<x/>"))
    assert (message.method, message.body) == ("MESSAGE", b"<x/>")


def test_answers_with_odd_reasons_are_read():
    response = read_message(text("SIP/2.0 200 ", CSeq="7 MESSAGE"))
    assert isinstance(response, Response)
    assert (response.status, response.reason, response.final) == (200, "", True)
    assert read_message(text("SIP/2.0 183 = 2**3 * 5 \xd0\xbd\xd0\xb5")).status == 183


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"\r\n\r\n", 400),
        (b"hello", 400),
        (b"\x00" * 500, 400),
        (text("MESSAGE  sip:a@b  SIP/2.0"), 400),
        (text("MESSAGE <sip:a@b> and more SIP/2.0"), 400),
        (text("MESSAGE sip:a@b SIP/7.0"), 505),
        (text("MESSAGE sip:a@b HTTP/1.1"), 400),
        (text("SIP/2.0 4294967301 better not"), 400),
        (text("SIP/2.0 99 low"), 400),
        *[(text(without=[name]), 400) for name in WHOLE],
        (text(CSeq="36893488147419103232 MESSAGE"), 400),
        (text(CSeq="-1 MESSAGE"), 400),
        (text(CSeq="7 INVITE"), 400),
        (text(Via="SIP/9.1/UDP host"), 400),
        (text(Via="SIP/2.0/UDP host:99999;branch=z9hG4bK"), 400),
        (text(From='"unterminated <sip:a@b>;tag=1'), 400),
        (text(To="<sip:a@b"), 400),
        (text(Content_Length="-999"), 400),
        (text(Content_Length="five"), 400),
        (text(Content_Length="99999999999999999"), 400),
        (text(Content_Length="5\r\nContent-Length: 6", body=b"123456"), 400),
        (text(Via="SIP/2.0/UDP h" + ";a{}=1" * 3 + "".join(f";p{i}" for i in range(200))), 400),
        (text(X="y\r\n" * 200), 400),
        (b"MESSAGE sip:a@b SIP/2.0\r\n" + b"X: " + b"y" * 20_000 + b"\r\n\r\n", 400),
        (text(body=b"x" * 65_535), 413),
        (text(Broken="x\r\nno colon here"), 400),
    ],
)
def test_torture_is_refused(data, status):
    with pytest.raises(MalformedError) as caught:
        read_message(data)
    assert caught.value.status == status


def test_lengths_that_do_not_fit():
    assert read_message(text(Content_Length="2", body=b"<a>\xb2\xe2</a>")).surplus == b">\xb2\xe2</a>"
    short = read_message(text(Content_Length="500", body=b"<a>"))
    assert (short.truncated, short.body) == (True, b"<a>")
    dahua = read_message(text(Content_Length="0", Content_Type="Application/MANSCDP+xml", body=b"<a/>"))
    assert dahua.body == b"<a/>"


def test_an_answer_repeats_what_it_must():
    request = read_message(text(body=b"x"))
    answer = read_message(request.answer(200, tag="me").write())
    assert answer.headers.all("via") == [WHOLE["Via"]]
    assert (answer.sender.tag, answer.recipient.tag, answer.call_id, answer.cseq) == ("1", "me", "c1", 7)
    assert read_message(request.answer(100, tag="me").write()).recipient.tag == ""


def test_values():
    assert list(split_list('<sip:a@b;x=","> , "q, \\" r" <sip:c@d>,e')) == [
        '<sip:a@b;x=",">',
        '"q, \\" r" <sip:c@d>',
        "e",
    ]
    assert read_uri("sip:31010000001320000001:pw@[2001:db8::1]:5061;transport=udp?x=y")[:3] == (
        "31010000001320000001",
        "[2001:db8::1]",
        5061,
    )
    assert str(read_uri("sip:a@b:5060;lr")) == "sip:a@b:5060;lr"
    assert read_address("sip:a@b;tag=3").parameters == {"tag": "3"}
    assert read_via("SIP/2.0/UDP 1.2.3.4;branch=").sent_by == "1.2.3.4:5060"
    given = read_credentials('Digest username="a,b", nc=00000001,qop=auth , response="x\\"y"')
    assert given == {"username": "a,b", "nc": "00000001", "qop": "auth", "response": 'x"y'}
    for bad in ("Basic abc", 'Digest username="a', "Digest ,,"):
        with pytest.raises(MalformedError):
            read_credentials(bad)
    with pytest.raises(MalformedError):
        read_uri("tel:+1")


def test_a_stream_is_cut_into_messages_wherever_it_breaks():
    one, two = text(Content_Length="4", body=b"<x/>"), text(l="0")
    whole = b"\r\n\r\n" + one + b"\r\n" + two + one
    for size in (1, 3, 7, 100, len(whole)):
        framer, found = Framer(), []
        for i in range(0, len(whole), size):
            found += framer.feed(whole[i : i + size])
        assert found == [one, two, one], size
        assert not framer.open


@pytest.mark.parametrize("data", [b"x" * 20_000, text(Content_Length=str(MOST_BODY_BYTES + 1))])
def test_a_stream_that_cannot_be_followed_ends(data):
    with pytest.raises(MalformedError):
        Framer().feed(data)
