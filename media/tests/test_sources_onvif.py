"""ONVIF against a small camera over real sockets."""

from __future__ import annotations

import base64

import pytest

from media.exceptions import MediaError, NotOfferedError, OfflineError
from media.sources.onvif.device import OnvifDevice, Preset, numbered, read_endpoint
from media.sources.onvif.discovery import Found, discover
from media.sources.onvif.profiles import eyes
from media.sources.onvif.soap import password_digest
from media.tests.certificates import own_signed
from media.tests.onvif_camera import OnvifCamera
from media.tests.test_sources_rtsp import run


def test_cameras_are_found_and_what_leads_elsewhere_is_not_believed():
    async def work():
        async with OnvifCamera() as camera:
            return camera.address, await discover(0.2, camera.group)

    address, found = run(work())
    assert found == [Found(address, "北门", "X-1")]


def test_pictures_and_the_head_of_a_camera_with_a_clock_of_its_own():
    async def work():
        async with OnvifCamera("rtsp://192.168.1.64:8554/ch1") as camera:
            device = OnvifDevice(camera.address, "admin", "pw 1")
            about = await device.about()
            best = eyes(await device.profiles())
            uri = await device.stream_uri(best[0].token)
            await device.move("main", 0.5, 0, -1)
            await device.move("main", 0, 0, 0)
            await device.preset("main", "call", 7)
            await device.preset("main", "set", 9)
            names = {number: preset.name for number, preset in numbered(await device.presets("main")).items()}
            await device.preset("main", "delete", 9)
            with pytest.raises(NotOfferedError):
                await device.preset("main", "call", 9)
            return about, best, uri, names, camera

    about, best, uri, names, camera = run(work())
    assert about == {"manufacturer": "厂商", "model": "X-1", "firmware": "5.0"}
    assert [(profile.token, profile.ptz) for profile in best] == [("main", True), ("second", False)]
    assert uri == "rtsp://127.0.0.1:8554/ch1?a=1&b=2"  # at the host we know, without its user
    assert names == {7: "门口", 9: "9"}
    assert camera.presets == {"Preset7": "门口"}
    bodies = dict(camera.asked)
    assert 'x="0.5" y="0"' in bodies["ContinuousMove"]
    assert "<Zoom" in bodies["ContinuousMove"]
    assert "pw 1" not in str(camera.asked)
    assert [word for word, _body in camera.asked].count("GetSystemDateAndTime") == 1


def test_a_newer_camera_by_https_is_asked_for_h265_and_nothing_goes_in_the_clear(tmp_path, settings):
    """Its services it names by http, at another address: they are asked where the camera is known to be, by TLS."""
    context, authority = own_signed(tmp_path)

    async def work():
        async with OnvifCamera("rtsps://192.168.1.64/ch1", newer=True, tls=context) as camera:
            device = OnvifDevice(camera.address, "admin", "pw 1")
            return eyes(await device.profiles()), await device.stream_uri("new")

    (best,), uri = run(work())
    assert (best.token, best.codec, best.pixels, best.ptz) == ("new", "H265", 3840 * 2160, False)
    assert uri == "rtsps://127.0.0.1:322/ch1?a=1&b=2"
    # Where the operator names an authority, another's camera is not spoken to.
    settings.VIDEO_CA_FILE = str(authority)
    assert run(work())[0][0].token == "new"
    (tmp_path / "other").mkdir()
    settings.VIDEO_CA_FILE = str(own_signed(tmp_path / "other")[1])
    with pytest.raises(OfflineError):
        run(work())


def test_a_camera_that_wants_http_digest_gets_it():
    async def work():
        async with OnvifCamera(way="http") as camera:
            return await OnvifDevice(camera.address, "admin", "pw 1").about()

    assert run(work())["model"] == "X-1"


def test_wrong_logins_and_strange_cameras_are_refused_with_a_reason():
    async def work(raw=None, login=("admin", "wrong")):
        async with OnvifCamera(raw=raw) as camera:
            with pytest.raises(MediaError) as refused:
                await OnvifDevice(camera.address, *login).profiles()
            return refused.value

    assert str(run(work())) == "wrong login"
    assert str(run(work(login=("", "")))) == "login needed"
    entity = b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    ok = b"HTTP/1.1 200 OK\r\n"
    for raw in (
        b"",
        b"nonsense\r\n\r\n",
        ok + b"Content-Length: 999\r\n\r\n<a>",
        ok + b"\r\n<a/>",
        b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n",
        ok + b"\r\n" + b"<a>" * 9999,
        ok + b"Content-Length: %d\r\n\r\n%s" % (len(entity), entity),
        ok + b"\r\n" + b"x" * (2 << 20),
    ):
        assert str(run(work(raw))).startswith(("not understood", "declined"))
    with pytest.raises(OfflineError):
        run(OnvifDevice("127.0.0.1:9").answers())


def test_addresses_and_digests():
    assert read_endpoint("10.0.0.1") == ("10.0.0.1", 80, "/onvif/device_service", False)
    assert read_endpoint("http://10.0.0.1:8080/x") == ("10.0.0.1", 8080, "/x", False)
    assert read_endpoint("https://10.0.0.1/") == ("10.0.0.1", 443, "/onvif/device_service", True)
    for wrong in (
        "http://u:p@10.0.0.1/",
        "http:///x",
        "http://h/a b",
        "http://h:x/",
        "file:///etc",
    ):
        with pytest.raises(NotOfferedError):
            read_endpoint(wrong)
    # The example of the ONVIF Application Programmer's Guide, 6.1.1.3.
    nonce = base64.b64decode("LKqI6G/AikKCQrN0zqZFlg==")
    assert password_digest("userpassword", nonce, "2010-09-16T07:50:45Z") == "tuOSpGlFlIXsozq4HFNeeGeFLEI="
    assert list(numbered([Preset("a", "x"), Preset("b", "y")])) == [1, 2]
