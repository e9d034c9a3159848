"""Sending commands to devices from the desk: one page between choosing devices and their getting it."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from access.scope import ScopedQuerySet, scope_of
from devices.commands import MAY_COMMAND, commandable_by, send_command
from devices.exceptions import CommandInvalidError, CommandNotSentError
from devices.models import Device
from devices.vocabulary import MOST_ARGS_BYTES, WORDS, check_command

MOST_AT_ONCE = 200


class CommandForm(forms.Form):
    """What is asked of the devices."""

    name = forms.CharField(
        label=_("指令"),
        max_length=64,
        strip=True,
        validators=[
            RegexValidator(r"\A[A-Za-z][A-Za-z0-9_.-]*\Z", _("指令名以字母开头，只能用字母、数字、点、横线和下划线。"))
        ],
        widget=forms.TextInput(attrs={"list": "command-words", "autocomplete": "off"}),
        help_text=_("从词表中选择；厂商自有的指令以 x- 开头，见其说明。"),
    )
    args = forms.CharField(
        label=_("参数"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_('JSON 对象，没有参数就留空。例如 interval 的参数：{"seconds": 10}'),
    )

    def clean_args(self) -> dict[str, Any]:
        """The arguments as an object.

        Raises
        ------
        ValidationError
            They are no JSON object, or too long.
        """
        text = self.cleaned_data["args"].strip()
        if not text:
            return {}
        if len(text.encode()) > MOST_ARGS_BYTES:
            raise forms.ValidationError(gettext("参数太长：最多 %d 字节。") % MOST_ARGS_BYTES)
        try:
            args = json.loads(text, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            place = {"line": error.lineno, "column": error.colno}
            raise forms.ValidationError(
                gettext("参数不是 JSON：第 %(line)d 行第 %(column)d 个字符处有误。请检查引号、逗号和括号。") % place
            ) from None
        except (ValueError, RecursionError):
            raise forms.ValidationError(gettext("参数不是 JSON：数值或层数超出允许。")) from None
        if not isinstance(args, dict):
            raise forms.ValidationError(gettext("参数必须是 JSON 对象，即写在 { } 里的名称和值。"))
        return args

    def clean(self) -> dict[str, Any] | None:
        """Refuse what the vocabulary does not have."""
        cleaned = super().clean()
        if cleaned is not None and {"name", "args"} <= set(cleaned):
            try:
                check_command(cleaned["name"], cleaned["args"])
            except CommandInvalidError as error:
                raise forms.ValidationError(str(error)) from None
        return cleaned


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


class CommandsMixin:
    """In front of a ScopedAdminMixin of devices: the action that sends a command."""

    def has_command_permission(self, request: HttpRequest) -> bool:
        """Whether the user may send commands somewhere."""
        return any(not scope_of(request.user, permission).empty for permission in MAY_COMMAND)  # type: ignore[arg-type]

    @admin.action(description=_("下发指令"), permissions=["command"])
    def send_commands(self, request: HttpRequest, queryset: ScopedQuerySet) -> Any:
        """Ask what to send, then send it to each of the selected devices."""
        chosen = list(commandable_by(request.user).filter(pk__in=queryset.values("pk"))[: MOST_AT_ONCE + 1])  # type: ignore[arg-type]
        if len(chosen) > MOST_AT_ONCE:
            self._tell(
                request, gettext("一次最多向 %d 台终端下发，未下发。请缩小范围。") % MOST_AT_ONCE, messages.ERROR
            )
            return None
        if len(chosen) < queryset.count():
            self._tell(request, gettext("所选终端中有您无权下发指令的，未下发。"), messages.ERROR)
            return None
        form = CommandForm(request.POST if "send" in request.POST else None)
        if form.is_valid():
            self._send(request, chosen, **form.cleaned_data)
            return HttpResponseRedirect(reverse("admin:devices_devicecommand_changelist"))
        context = {
            **admin.site.each_context(request),
            "title": gettext("下发指令"),
            "opts": Device._meta,
            "devices": chosen,
            "form": form,
            "words": {name: word.title for name, word in WORDS.items()},
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "devices/send_commands.html", context)

    def _send(self, request: HttpRequest, devices: list[Device], name: str, args: dict[str, Any]) -> None:
        failed: dict[str, list[str]] = {}
        for device in devices:
            try:
                send_command(device, name, args, request.user)  # type: ignore[arg-type]
            except CommandNotSentError as error:
                failed.setdefault(str(error), []).append(device.identifier)
        if sent := len(devices) - sum(map(len, failed.values())):
            text = ngettext(
                "指令 %(name)s 已下发到 %(count)d 台终端，应答见下表；五分钟内有效。",
                "指令 %(name)s 已下发到 %(count)d 台终端，应答见下表；五分钟内有效。",
                sent,
            )
            self._tell(request, text % {"name": name, "count": sent}, messages.SUCCESS)
        for text, identifiers in failed.items():
            self._tell(request, f"{'、'.join(identifiers)} — {text}", messages.ERROR)

    def _tell(self, request: HttpRequest, text: str, level: int) -> None:
        self.message_user(request, text, level)  # type: ignore[attr-defined]
