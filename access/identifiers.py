"""Official codes with check digits: unified social credit code, identity number; telephone numbers.

Sources: GB 32100-2015 (统一社会信用代码), GB 11714-1997 (the subject code inside it), GB 11643-1999 (公民身份号码),
GB/T 2260 (first two digits of administrative codes).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from random import Random

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_VALUES = {sign: value for value, sign in enumerate(_USCC_ALPHABET)}
_USCC_SHAPE = re.compile(rf"[{_USCC_ALPHABET}]{{2}}[0-9]{{6}}[{_USCC_ALPHABET}]{{10}}")
_USCC_WEIGHTS = tuple(3**place % 31 for place in range(17))
_SUBJECT_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

_IDENTITY_SHAPE = re.compile(r"[0-9]{17}[0-9X]")
_IDENTITY_WEIGHTS = tuple(2 ** (17 - place) % 11 for place in range(17))
_IDENTITY_SIGNS = "10X98765432"
# GB/T 2260; 83: residents of Taiwan with a mainland residence permit.
_PROVINCE_SIGNS = {1: "12345", 2: "123", 3: "1234567", 4: "123456", 5: "01234", 6: "12345", 7: "1", 8: "123"}
_PROVINCES = frozenset(f"{first}{second}" for first, seconds in _PROVINCE_SIGNS.items() for second in seconds)
_EARLIEST_BIRTH = date(1850, 1, 1)

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(
    r"0(?:10|2[0-9]|[3-9][0-9]{2})[2-9][0-9]{6,7}|[48]00[0-9]{7}|1[0-9]{4}|9[56][0-9]{3,6}|1[12][0-9]"
)


def normalise_code(value: str) -> str:
    """Full-width signs made plain, spaces dropped, letters in capitals."""
    return "".join(unicodedata.normalize("NFKC", value).split()).upper()


def normalise_telephone(value: str) -> str:
    """Digits only: spaces, hyphens and brackets dropped, and the country's ``+86``."""
    text = re.sub(r"[\s()\-‐-―.]", "", unicodedata.normalize("NFKC", value))
    return re.sub(r"^(?:\+|00)86", "", text)


def uscc_check_sign(first_17: str) -> str:
    """Check sign of a unified social credit code (GB 32100-2015, 5.3): modulo 31 with weights 3^i."""
    total = sum(_USCC_VALUES[sign] * weight for sign, weight in zip(first_17, _USCC_WEIGHTS, strict=True))
    return _USCC_ALPHABET[-total % 31]


def subject_check_sign(first_8: str) -> str:
    """Check sign of the subject code inside it (GB 11714-1997): modulo 11, ``X`` for ten."""
    total = sum(int(sign, 36) * weight for sign, weight in zip(first_8, _SUBJECT_WEIGHTS, strict=True))
    return "0123456789X"[-total % 11]


def identity_check_sign(first_17: str) -> str:
    """Check sign of an identity number (GB 11643-1999, 4.4: ISO 7064 MOD 11-2)."""
    total = sum(int(sign) * weight for sign, weight in zip(first_17, _IDENTITY_WEIGHTS, strict=True))
    return _IDENTITY_SIGNS[total % 11]


def check_uscc(value: str) -> str:
    """Check a unified social credit code (统一社会信用代码) and return it in its normal form.

    Raises
    ------
    ValidationError
        Wrong length, sign or check digit. The message does not repeat the value.
    """
    code = normalise_code(value)
    if len(code) != 18:
        raise ValidationError(_("统一社会信用代码应为 18 位。"), code="uscc_length")
    if not _USCC_SHAPE.fullmatch(code):
        raise ValidationError(
            _("统一社会信用代码含有不允许的字符（不使用 I、O、S、V、Z，第 3 至 8 位为数字）。"), code="uscc_sign"
        )
    if uscc_check_sign(code[:17]) != code[17]:
        raise ValidationError(_("统一社会信用代码校验位不符，请核对是否录错。"), code="uscc_check")
    return code


def check_identity_number(value: str) -> str:
    """Check a citizen's identity number (公民身份号码) and return it in its normal form.

    Raises
    ------
    ValidationError
        Wrong length, sign, province, date of birth or check digit. The message does not repeat the value.
    """
    number = normalise_code(value)
    if len(number) != 18:
        raise ValidationError(_("公民身份号码应为 18 位。"), code="identity_length")
    if not _IDENTITY_SHAPE.fullmatch(number):
        raise ValidationError(_("公民身份号码前 17 位应为数字，末位为数字或 X。"), code="identity_sign")
    if number[:2] not in _PROVINCES:
        raise ValidationError(_("公民身份号码的地区码不存在。"), code="identity_region")
    try:
        birth = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise ValidationError(_("公民身份号码中的出生日期不存在。"), code="identity_birth") from None
    if not _EARLIEST_BIRTH <= birth <= timezone.localdate():
        raise ValidationError(_("公民身份号码中的出生日期不在合理范围内。"), code="identity_birth")
    if identity_check_sign(number[:17]) != number[17]:
        raise ValidationError(_("公民身份号码校验位不符，请核对是否录错。"), code="identity_check")
    return number


def check_mobile(value: str) -> str:
    """Check a mainland mobile number (手机号码: eleven digits, 13 to 19) and return its digits.

    Raises
    ------
    ValidationError
        Another form.
    """
    number = normalise_telephone(value)
    if not _MOBILE.fullmatch(number):
        raise ValidationError(_("手机号码应为 11 位数字，以 13 至 19 开头。"), code="mobile")
    return number


def check_telephone(value: str) -> str:
    """Check a telephone number: mobile, or fixed with its area code (021-12345678), 400/800 or a service number.

    Raises
    ------
    ValidationError
        Another form.
    """
    number = normalise_telephone(value)
    if not (_MOBILE.fullmatch(number) or _LANDLINE.fullmatch(number)):
        raise ValidationError(_("电话号码格式不符：请填 11 位手机号码，或带区号的固定电话。"), code="telephone")
    return number


def validate_uscc(value: str) -> None:
    """Django validator: :func:`check_uscc`, on text that is already in its normal form."""
    check_uscc(value)


def make_uscc(random: Random, region: str = "310000", registry: str = "91") -> str:
    """Make a valid code for demonstration and tests; with ``registry`` as its first two signs (91: enterprise)."""
    subject = "".join(random.choice("ABCDEFGHJKLMNPQRTUWXY0123456789") for _ in range(8))
    first_17 = f"{registry}{region}{subject}{subject_check_sign(subject)}"
    return first_17 + uscc_check_sign(first_17)


def make_identity_number(random: Random, region: str = "310101") -> str:
    """Make a valid identity number of an adult for demonstration and tests."""
    birth = date(1960, 1, 1) + timedelta(days=random.randrange(16_000))
    first_17 = f"{region}{birth:%Y%m%d}{random.randrange(1, 1000):03d}"
    return first_17 + identity_check_sign(first_17)


def make_mobile(random: Random) -> str:
    """Make a mobile number in the 199 0000 block for demonstration and tests."""
    return f"1990000{random.randrange(10_000):04d}"
