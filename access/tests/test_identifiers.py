"""Known answers: the standards' own examples and published codes of well-known firms."""

from datetime import timedelta
from random import Random

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from access import identifiers
from access.identifiers import (
    check_identity_number,
    check_mobile,
    check_telephone,
    check_uscc,
    identity_check_sign,
    make_identity_number,
    make_mobile,
    make_uscc,
    subject_check_sign,
)


# The first is the example of GB 32100-2015; the others are on the firms' own public pages.
@pytest.mark.parametrize(
    "code", ["91350100M000100Y43", "91330100799655058B", "9144030071526726XG", "914403001922038216"]
)
def test_published_codes_hold(code):
    assert check_uscc(code) == code
    assert check_uscc(f" {code[:8].lower()} {code[8:].lower()}") == code
    assert subject_check_sign(code[8:16]) == code[16]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("91350100M000100Y44", "uscc_check"),
        ("91350100M000010Y43", "uscc_check"),
        ("9135010OM000100Y43", "uscc_sign"),
        ("91350100M000100Y4", "uscc_length"),
        ("", "uscc_length"),
        ("91350100I000100Y43", "uscc_sign"),
    ],
)
def test_wrong_codes_are_refused(code, why):
    with pytest.raises(ValidationError) as caught:
        check_uscc(code)
    assert caught.value.code == why


# Examples of GB 11643-1999.
@pytest.mark.parametrize("number", ["11010519491231002X", "440524188001010014"])
def test_published_identity_numbers_hold(number):
    assert check_identity_number(number.lower()) == number


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("110105194912310021", "identity_check"),
        ("11010519491231002", "identity_length"),
        ("1101051949123100XX", "identity_sign"),
        ("990105194912310027", "identity_region"),
        ("110105194902300021", "identity_birth"),
        ("110105179912310021", "identity_birth"),
    ],
)
def test_wrong_identity_numbers_are_refused_without_repeating_them(number, why):
    with pytest.raises(ValidationError) as caught:
        check_identity_number(number)
    assert caught.value.code == why
    assert number not in str(caught.value)


def test_nobody_is_born_tomorrow():
    first = f"310101{timezone.localdate() + timedelta(days=1):%Y%m%d}001"
    with pytest.raises(ValidationError, match="出生日期"):
        check_identity_number(first + identity_check_sign(first))


def test_every_single_slip_is_found():
    """Both codes promise to find one wrong sign and two neighbours exchanged."""
    random = Random(3)
    number, code = make_identity_number(random), make_uscc(random)
    for value, check in ((number, check_identity_number), (code, check_uscc)):
        for place in range(16):
            for digit in "0123456789":
                if digit != value[place]:
                    with pytest.raises(ValidationError):
                        check(value[:place] + digit + value[place + 1 :])
            if value[place] != value[place + 1]:
                with pytest.raises(ValidationError):
                    check(value[:place] + value[place + 1] + value[place] + value[place + 2 :])


def test_made_numbers_are_valid():
    random = Random(1)
    for _ in range(200):
        check_uscc(make_uscc(random))
        check_identity_number(make_identity_number(random))
        check_mobile(make_mobile(random))


@pytest.mark.parametrize("number", ["13812341234", "+86 138-1234-1234", "0086 13812341234", "１３８１２３４１２３４"])
def test_mobile_numbers(number):
    assert check_mobile(number) == "13812341234"
    assert check_telephone(number) == "13812341234"


@pytest.mark.parametrize("number", ["12812341234", "1381234123", "138123412345", "", "1381234123a", "021-12345678"])
def test_not_mobile_numbers(number):
    with pytest.raises(ValidationError):
        check_mobile(number)


@pytest.mark.parametrize("number", ["021-62345678", "(010) 8888 7777", "0571-8765432", "400-820-8820", "12345", "119"])
def test_fixed_and_service_numbers(number):
    assert check_telephone(number) == identifiers.normalise_telephone(number)


@pytest.mark.parametrize("number", ["62345678", "0000-1234567", "1", "+1 202 555 0100"])
def test_not_telephone_numbers(number):
    with pytest.raises(ValidationError):
        check_telephone(number)
