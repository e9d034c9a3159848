"""指令词表: what may be asked of a device, in words that every protocol shares.

Each protocol carries out what it has (:mod:`devices.protocols`) and answers ``refused`` to the rest. Beside these
words, makers have their own: a name beginning with ``x-`` is passed on as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import msgspec
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from msgspec import Meta, Struct

from devices.exceptions import CommandInvalidError

OWN = re.compile(r"x-[A-Za-z0-9_.-]{1,60}")
MOST_ARGS_BYTES = 4096


class Nothing(Struct, forbid_unknown_fields=True):
    """No arguments."""


class Interval(Struct, forbid_unknown_fields=True):
    """How often positions are reported."""

    seconds: Annotated[float, Meta(ge=0.1, le=3600)]


class Permit(Struct, forbid_unknown_fields=True):
    """For how long the thing may be started; afterwards, or without a word from the platform, it may not."""

    seconds: Annotated[float, Meta(ge=1, le=86_400)]


class Stop(Struct, forbid_unknown_fields=True):
    """Why it has to stop."""

    reason: Annotated[str, Meta(max_length=200)] = ""


class Text(Struct, forbid_unknown_fields=True):
    """What is shown or read out to whoever is there."""

    text: Annotated[str, Meta(min_length=1, max_length=200)]


class Word(NamedTuple):
    """A command of the vocabulary: what people call it, and its arguments."""

    title: str | Promise
    args: type[Struct]


WORDS: Mapping[str, Word] = MappingProxyType(
    {
        "locate": Word(_("立即上报位置"), Nothing),
        "interval": Word(_("改变上报间隔（seconds 秒）"), Interval),
        "permit_start": Word(_("允许启动（seconds 秒内有效）"), Permit),
        "stop": Word(_("停机（reason 原因）"), Stop),
        "text": Word(_("显示或播报文字（text）"), Text),
        "restart": Word(_("重启终端"), Nothing),
    }
)


def check_command(name: str, args: dict[str, Any]) -> None:
    """Make sure that a command makes sense before anybody is asked to obey it.

    Raises
    ------
    CommandInvalidError
        The name is not in the vocabulary, or its arguments are not; the text tells people what to do.
    """
    if len(msgspec.json.encode(args)) > MOST_ARGS_BYTES:
        raise CommandInvalidError(gettext("参数太长：最多 %d 字节。") % MOST_ARGS_BYTES)
    if OWN.fullmatch(name):
        return
    word = WORDS.get(name)
    if word is None:
        raise CommandInvalidError(gettext("没有这个指令。可用：%s；厂商自有的指令以 x- 开头。") % "、".join(WORDS))
    try:
        msgspec.convert(args, word.args)
    except msgspec.ValidationError as error:
        raise CommandInvalidError(gettext("参数不对：%s") % error) from None
