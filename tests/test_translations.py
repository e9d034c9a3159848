"""Every Chinese text of the platform has its English, in its own application's catalogue, and none is left over."""

from __future__ import annotations

import ast
import io
import re
from collections import defaultdict
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from layers.folders import module_keys

ROOT = Path(__file__).resolve().parents[1]
APPLICATIONS = ("gis", "access", "twin", "devices", "command", "layers")  # modules: tests/contract
# What lies below an application but speaks for itself, or is a template of code.
ELSEWHERE = {"tests", "migrations", "starter", *module_keys()}
WORDS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2, "ngettext_lazy": 2}
IN_TEMPLATES = re.compile(r"""\b(?:translate|trans)\s+(?:"([^"]+)"|'([^']+)')|\b_\(\s*(?:"([^"]+)"|'([^']+)')\s*\)""")
IN_BLOCKS = re.compile(r"{%-?\s*blocktranslate([^%]*)%}(.*?){%\s*endblocktranslate\s*%}", re.S)
PLACES = re.compile(r"%(?:\(\w+\))?[-+ #0]*[\d.]*[a-zA-Z%]|{\w*}")
CHINESE = re.compile("[\u4e00-\u9fff]")


def in_code(folder: Path):
    """Texts of all calls of a translating function; each as (text,) or (text, plural)."""
    for path in folder.rglob("*.py"):
        if ELSEWHERE & set(path.relative_to(folder).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            texts = node.args[: WORDS.get(name, 0)]
            if all(isinstance(text, ast.Constant) and isinstance(text.value, str) for text in texts) and texts:
                yield tuple(text.value for text in texts)


def in_templates(folder: Path):
    """Texts of all translating tags."""
    for path in folder.rglob("templates/**/*.html"):
        if ELSEWHERE & set(path.relative_to(folder).parts):
            continue
        source = path.read_text()
        yield from (("".join(found),) for found in IN_TEMPLATES.findall(source))
        for options, text in IN_BLOCKS.findall(source):
            assert not re.search(r"\b(count|trimmed|context)\b", options), f"{path}: teach this test {options}"
            yield (re.sub(r"{{\s*(\w+)\s*}}", r"%(\1)s", text),)


def wanted(application: str):
    return set(in_code(ROOT / application)) | set(in_templates(ROOT / application))


def catalogue(application: str) -> Catalog:
    with (ROOT / application / "locale/en/LC_MESSAGES/django.po").open("rb") as file:
        return read_po(file, locale="en", abort_invalid=True)


def entries(application: str):
    """Chinese text(s) and English text(s) of each message."""
    for message in catalogue(application):
        if message.id:
            both = [part if isinstance(part, tuple | list) else (part,) for part in (message.id, message.string)]
            yield tuple(both[0]), tuple(both[1])


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_text_has_its_english_and_no_english_is_left_over(application):
    texts = wanted(application)
    assert len(texts) > 5
    translated = {chinese for chinese, english in entries(application) if all(english)}
    assert texts - translated == set()
    assert {chinese for chinese, _ in entries(application)} - texts == set(), "texts nobody shows any more"


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_english_is_english_and_has_the_same_values_in_it(application):
    for chinese, english in entries(application):
        assert not any(CHINESE.search(text) for text in english), english
        for text in english:
            assert sorted(PLACES.findall(chinese[0])) == sorted(PLACES.findall(text)), (chinese, text)


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_catalogue_compiles(application):
    made = catalogue(application)
    assert [error for message in made for error in message.check(made)] == []
    compiled = io.BytesIO()
    write_mo(compiled, made)
    compiled.seek(0)
    assert len(read_mo(compiled)) == len(made)


def test_one_text_has_one_english():
    """The catalogues are one at run time: the first application to say something says it for all."""
    found = defaultdict(set)
    for application in APPLICATIONS:
        for chinese, english in entries(application):
            found[chinese].add(english)
    assert {chinese: english for chinese, english in found.items() if len(english) > 1} == {}


def test_nothing_is_translated_where_there_is_no_catalogue():
    for folder in ("config", "launcher", "bench"):
        assert wanted(folder) == set()
