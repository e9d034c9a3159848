"""What fields of video may hold."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

TWENTY_DIGITS = RegexValidator(r"\A\d{20}\Z", _("须为 20 位数字（GB/T 28181 附录 E）"))
