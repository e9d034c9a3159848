"""The door publishers come through (RFC 9725): a device's key, not a person's sign-in, opens it."""

from __future__ import annotations

import hmac
import logging

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from access.decorators import public
from access.exceptions import PersonalDataError
from media.asking import ask
from media.exceptions import MediaError, NotOfferedError, RefusedByDeviceError
from media.models import Channel, VideoDevice
from media.passwords import password_of
from media.sources.faults import BUSY, explain

logger = logging.getLogger(__name__)

MOST_OFFER = 64 << 10
ANSWER_S = 15.0


@csrf_exempt
@public
def publish(request: HttpRequest, code: str) -> HttpResponse:
    """Take an offer for the source of that code; answers 201 with our description."""
    channel = _channel(request, code)
    if channel is None:
        return _unknown()
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    if request.content_type != "application/sdp":
        return _said("application/sdp", 415)
    try:
        length = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        length = 0
    if not 0 < length <= MOST_OFFER:
        return _said(f"1 – {MOST_OFFER} bytes", 413 if length else 400)
    try:
        offer = request.body.decode("utf-8")
        number, answer = ask("whip_publish", ANSWER_S, channel=channel.pk, offer=offer)
    except UnicodeDecodeError:
        return _said("UTF-8", 400)
    except RefusedByDeviceError as error:
        return _said(explain(str(error)), 409 if str(error) == BUSY else 503)
    except NotOfferedError as error:
        return _said(explain(str(error)), 406)
    except MediaError as error:
        logger.warning("whip: %s could not publish: %s", code, error)
        return _said(explain(str(error)), 503)
    response = HttpResponse(answer, status=201, content_type="application/sdp")
    response["Location"] = reverse("whip-publication", args=[code, number])
    return response


@csrf_exempt
@public
def publication(request: HttpRequest, code: str, number: str) -> HttpResponse:
    """End a publication; candidates that come later are not taken, for ours are all in the answer."""
    channel = _channel(request, code)
    if channel is None:
        return _unknown()
    if request.method != "DELETE":
        return HttpResponse(status=405, headers={"Allow": "DELETE"})
    try:
        ended = ask("whip_end", channel=channel.pk, number=number)
    except MediaError as error:
        return _said(explain(str(error)), 503)
    return HttpResponse(status=200 if ended else 404)


def _channel(request: HttpRequest, code: str) -> Channel | None:
    """The channel whose key was shown; a code nobody has and a wrong key look the same."""
    scheme, _space, shown = request.headers.get("Authorization", "").partition(" ")
    rows = Channel.objects.select_related("device").filter(
        device__protocol=VideoDevice.Protocol.WHIP, device__active=True, device__code=code
    )
    channel = rows.order_by("code").first()
    key = "-" * 12
    if channel is not None and channel.device.sealed:
        try:
            key = password_of(code, channel.device.provider, bytes(channel.device.sealed))
        except PersonalDataError:
            logger.exception("whip: the key of %s cannot be opened", code)
            channel = None
    else:
        channel = None
    right = hmac.compare_digest(key.encode(), shown.strip().encode("utf-8", "replace"))
    return channel if right and scheme.lower() == "bearer" else None


def _unknown() -> HttpResponse:
    return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer realm="WHIP"'})


def _said(text: str, status: int) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
