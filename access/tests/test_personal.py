"""Personal identifiers: what the column holds, how they are found, shown, seen, and what never leaks."""

import base64
import copy
import json
import logging
import pickle
from io import StringIO

import pytest
from django import forms
from django.core import serializers
from django.core.exceptions import FieldError, ImproperlyConfigured, PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection

from access import ciphers
from access.checks import check_data_key
from access.ciphers import AesGcmProvider, key_from_text, register_provider, unregister_provider
from access.exceptions import PersonalDataError
from access.models import AuditRecord, Organization, User
from access.personal import PersonalField
from access.personal_value import Personal
from access.roles import Role

NUMBER = "13812341234"
IDENTITY = "11010519491231002X"
OTHER_KEY = base64.b64encode(b"k" * 32).decode()


@pytest.fixture
def person(city):
    return city.user(telephone="138 1234-1234", identity_number=IDENTITY, organization=city.organizations["plant"])


@pytest.fixture
def second_provider():
    provider = AesGcmProvider(b"q" * 32)
    yield provider
    unregister_provider(provider)


def column(user, name="telephone"):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {name}, {name}_index FROM access_user WHERE id = %s", [user.pk])  # noqa: S608
        return cursor.fetchone()


def test_the_column_holds_sealed_text_and_its_index(person):
    stored, index = column(person)
    assert NUMBER not in stored
    assert stored.startswith("a1.")
    assert stored.split(":")[0] == index
    person.telephone = NUMBER
    person.save()
    again, same_index = column(person)
    assert again != stored, "a fresh nonce each time"
    assert same_index == index
    assert column(person, "identity_number")[1].split(".")[2] != index.split(".")[2]


def test_equal_numbers_in_two_columns_cannot_be_matched(person, city):
    plant = city.organizations["plant"]
    plant.contact_phone = NUMBER
    plant.save()
    index = Organization.objects.values_list("contact_phone_index", flat=True).get(pk=plant.pk)
    assert index.split(".")[2] != column(person)[1].split(".")[2]


@pytest.mark.parametrize("asked", [NUMBER, "+86 138-1234-1234", " 138 1234 1234 "])
def test_found_by_its_whole_value_however_it_is_written(person, asked):
    assert User.objects.get(telephone=asked) == person
    assert User.objects.get(telephone__in=["19900000000", asked]) == person
    assert person in User.objects.exclude(telephone="19900000000")
    assert person not in User.objects.exclude(telephone=asked)


def test_found_by_a_value_object_by_emptiness_and_across_relations(person, city):
    nobody = city.user()
    assert User.objects.get(telephone=person.telephone) == person
    assert list(User.objects.filter(telephone__isnull=True)) == [nobody]
    assert list(User.objects.filter(telephone=None)) == [nobody]
    assert list(Organization.objects.filter(users__telephone=NUMBER)) == [city.organizations["plant"]]
    assert not User.objects.filter(telephone__in=[]).exists()


@pytest.mark.parametrize("lookup", ["contains", "icontains", "startswith", "iexact", "lt", "gte", "regex", "lower"])
def test_any_other_lookup_is_a_clear_error(person, lookup):
    with pytest.raises(FieldError, match="stored encrypted"):
        list(User.objects.filter(**{f"telephone__{lookup}": NUMBER}))


def test_the_search_uses_the_index(person):
    query = User.objects.filter(telephone=NUMBER)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "access_user_telephone_index" in query.order_by().explain()


def test_update_and_bulk_doors_keep_the_index_true(person, city):
    User.objects.filter(pk=person.pk).update(telephone="19912345678")
    assert User.objects.get(telephone="19912345678") == person
    person.refresh_from_db()
    person.telephone = "18812345678"
    User.objects.bulk_update([person], ["telephone"])
    assert User.objects.get(telephone="18812345678") == person
    person.telephone = "17712345678"
    person.save(update_fields=["telephone"])
    assert User.objects.get(telephone="17712345678") == person
    [made] = User.objects.bulk_create([User(username="bulk", telephone="16612345678")])
    assert User.objects.get(telephone="16612345678") == made
    User.objects.filter(pk=person.pk).update(telephone=None)
    assert column(person) == (None, None)


def test_shown_masked_everywhere(person):
    fresh = User.objects.get(pk=person.pk)
    value = fresh.telephone
    assert isinstance(value, Personal)
    shown = [str(value), f"{value}", f"{value:>20}", "%s" % value, repr(value), repr([value]), value.masked]  # noqa: UP031
    assert all("138****1234" in text and NUMBER not in text for text in shown)
    assert str(fresh.identity_number) == "110***********002X"
    assert f"{city_phone('021-62345678')}" == "021****5678"
    assert str(city_phone("119")) == "***"
    assert User.objects.values_list("telephone", flat=True).get(pk=person.pk) == value


def city_phone(text):
    return Organization(contact_phone=text).contact_phone


def test_an_unsaved_value_is_as_closed_as_a_stored_one():
    user = User(telephone=NUMBER)
    for text in (repr(user.__dict__), repr(vars(user.telephone)) if hasattr(user.telephone, "__dict__") else ""):
        assert NUMBER not in text
    assert NUMBER.encode() not in pickle.dumps(user.telephone)


def test_copies_and_pickles_are_equal_and_comparison_is_by_value(person):
    value = User.objects.get(pk=person.pk).telephone
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301
    assert copy.deepcopy(person).telephone == value
    assert User(telephone=NUMBER).telephone == value
    assert User(telephone="19912345678").telephone != value
    assert value != NUMBER
    assert len({value, User(telephone=NUMBER).telephone}) == 1


def test_dumps_logs_json_and_errors_do_not_leak(person, caplog):
    out = StringIO()
    call_command("dumpdata", "access.user", stdout=out)
    assert NUMBER not in out.getvalue()
    assert IDENTITY not in out.getvalue()
    with pytest.raises(TypeError) as caught:
        json.dumps({"telephone": person.telephone})
    assert NUMBER not in str(caught.value)
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("telephone %s of %r", person.telephone, person.telephone)
    assert NUMBER not in caplog.text
    form = forms.modelform_factory(User, fields=["telephone"])({"telephone": "138123412"}, instance=person)
    assert not form.is_valid()
    assert "138123412" not in str(form.errors)


def test_a_dump_loads_again_and_a_forged_one_does_not(person):
    text = serializers.serialize("json", [person])
    User.objects.filter(pk=person.pk).update(telephone=None)
    for loaded in serializers.deserialize("json", text):
        loaded.save()
    assert User.objects.get(telephone=NUMBER) == person
    sealed = column(person)[0]
    swapped = text.replace(json.loads(text)[0]["fields"]["identity_number"], sealed)
    with pytest.raises(serializers.base.DeserializationError):
        list(serializers.deserialize("json", swapped))


@pytest.mark.parametrize(
    ("role", "where", "may"),
    [
        (Role.CITY, None, True),
        (Role.DISTRICT, "310115", True),
        (Role.DISTRICT, "310104", False),
        (Role.ENTERPRISE, "group", True),
        (Role.ENTERPRISE, "shop", False),
        (Role.DISPATCHER, "310115", True),
        (Role.PLANNER, None, False),
        (Role.ADMINISTRATOR, None, False),
        (None, None, False),
    ],
)
def test_seeing_is_for_the_allowed_and_always_recorded(city, person, role, where, may):
    who = city.user(role, where)
    if may:
        assert person.telephone.reveal(by=who, subject=person, reason="现场处置") == NUMBER
    else:
        with pytest.raises(PermissionDenied):
            person.telephone.reveal(by=who, subject=person, reason="现场处置")
    record = AuditRecord.objects.filter(actor=who, object_id=str(person.pk)).latest("id")
    assert record.action == ("reveal" if may else "refused")
    assert record.detail == {"field": "telephone", "reason": "现场处置"}
    assert NUMBER not in json.dumps([record.detail, record.changes, record.label])


def test_seeing_needs_a_reason_and_the_true_subject(city, person):
    who = city.user(Role.CITY)
    other = city.user(telephone="19900000000", organization=city.organizations["plant"])
    with pytest.raises(ValueError, match="reason"):
        person.telephone.reveal(by=who, subject=person, reason="  ")
    with pytest.raises(ValueError, match="subject"):
        person.telephone.reveal(by=who, subject=other, reason="x")
    with pytest.raises(ValueError, match="subject"):
        person.telephone.reveal(by=who, subject=city.organizations["plant"], reason="x")


def test_another_key_is_a_clear_error_and_never_garbage(city, person, settings):
    boss = city.user(Role.CITY)
    settings.DATA_KEY = OTHER_KEY
    fresh = User.objects.get(pk=person.pk)
    with pytest.raises(PersonalDataError, match="SANDTABLE_DATA_KEY"):
        fresh.telephone.reveal(by=boss, subject=fresh, reason="x")
    assert str(fresh.telephone) == "（无法解密）"
    assert not User.objects.filter(telephone=NUMBER).exists()
    assert not AuditRecord.objects.filter(action="reveal").exists()


def test_an_altered_or_exchanged_value_does_not_open(person):
    stored = column(person)[0]
    flipped = stored[:-2] + ("A" if stored[-2] != "A" else "B") + stored[-1]
    head, sealed = stored.split(":")
    foreign_head = column(person, "identity_number")[0].split(":")[0]
    for bad in (flipped, f"{foreign_head}:{sealed}", column(person, "identity_number")[0], NUMBER, head):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE access_user SET telephone = %s WHERE id = %s", [bad, person.pk])
        with pytest.raises(PersonalDataError) as caught:
            _ = User.objects.get(pk=person.pk).telephone.masked
        assert NUMBER not in str(caught.value)


def test_providers_live_side_by_side(person, second_provider):
    register_provider(second_provider, current=True)
    young = User.objects.create_user("young", telephone="19912345678")
    assert column(young)[0].split(".")[1] == second_provider.key_id != column(person)[0].split(".")[1]
    for number, user in ((NUMBER, person), ("19912345678", young)):
        assert User.objects.get(telephone=number) == user
        assert User.objects.get(pk=user.pk).telephone == User(telephone=number).telephone
    with pytest.raises(ValueError, match="already"):
        register_provider(AesGcmProvider(b"q" * 32))
    person.refresh_from_db()
    person.telephone = NUMBER
    person.save()
    assert column(person)[0].split(".")[1] == second_provider.key_id, "storing again seals with the current provider"


@pytest.mark.parametrize("text", ["", "short", "!" * 44, base64.b64encode(b"k" * 31).decode()])
def test_a_data_key_of_another_shape_stops_the_start(text, settings):
    with pytest.raises(ImproperlyConfigured) as caught:
        key_from_text(text)
    assert not text or text not in str(caught.value)
    settings.DATA_KEY = text
    assert [message.id for message in check_data_key()] == ["access.E001"]
    with pytest.raises(ImproperlyConfigured):
        ciphers.current_provider()


def test_the_form_keeps_changes_and_empties(person):
    form_of = forms.modelform_factory(User, fields=["telephone"])
    assert "138****1234" in str(form_of(instance=person))
    assert NUMBER not in str(form_of(instance=person))
    for data, expected in (
        ({}, NUMBER),
        ({"telephone": "199 0000 1111"}, "19900001111"),
        ({"telephone-clear": "on"}, None),
    ):
        form = form_of(data, instance=User.objects.get(pk=person.pk))
        assert form.is_valid(), form.errors
        assert form.has_changed() == bool(data)
        form.save()
        assert User.objects.get(pk=person.pk).telephone == User(telephone=expected).telephone


def test_values_of_another_field_or_type_are_refused(person):
    with pytest.raises(TypeError, match="reveal it first"):
        Organization(contact_phone=person.telephone)
    with pytest.raises(TypeError, match="takes text"):
        User(telephone=13812341234)
    for option in ("unique", "db_index", "primary_key"):
        with pytest.raises(ValueError, match="companion"):
            PersonalField(**{option: True})


def test_a_changed_key_is_followed_by_reencrypt(person, settings, tmp_path):
    former = tmp_path / "former"
    former.write_text(settings.DATA_KEY + "\n")
    settings.DATA_KEY = OTHER_KEY
    with pytest.raises(CommandError, match="SANDTABLE_DATA_KEY"):
        call_command("reencrypt", stdout=StringIO())
    out = StringIO()
    call_command("reencrypt", old_key_file=former, stdout=out)
    assert "access.user.telephone: 1" in out.getvalue()
    assert User.objects.get(telephone=NUMBER) == person
    assert str(User.objects.get(identity_number=IDENTITY).telephone) == "138****1234"
    out = StringIO()
    call_command("reencrypt", stdout=out)
    assert "access.user.telephone: 0" in out.getvalue()
    assert NUMBER not in str(list(AuditRecord.objects.values()))
