"""What a folder says in Chinese, and what its English catalogue holds."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from layers.folders import module_keys

# What lies below an application but speaks for itself, or is a template of code.
ELSEWHERE = {"tests", "migrations", "starter", *module_keys()}
WORDS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2, "ngettext_lazy": 2}
IN_TEMPLATES = re.compile(r"""\b(?:translate|trans)\s+(?:"([^"]+)"|'([^']+)')|\b_\(\s*(?:"([^"]+)"|'([^']+)')\s*\)""")
IN_BLOCKS = re.compile(r"{%-?\s*blocktranslate([^%]*)%}(.*?){%\s*endblocktranslate\s*%}", re.S)
PLACES = re.compile(r"%(?:\(\w+\))?[-+ #0]*[\d.]*[a-zA-Z%]|{\w*}")
CHINESE = re.compile("[\u4e00-\u9fff]")

Texts = tuple[str, ...]
"""One text, or a text and its plural."""


def in_code(folder: Path) -> Iterator[Texts]:
    """Texts of all calls of a translating function."""
    for path in folder.rglob("*.py"):
        if ELSEWHERE & set(path.relative_to(folder).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            texts = node.args[: WORDS.get(name, 0)]
            if all(isinstance(text, ast.Constant) and isinstance(text.value, str) for text in texts) and texts:
                yield tuple(text.value for text in texts)


def in_templates(folder: Path) -> Iterator[Texts]:
    """Texts of all translating tags."""
    for path in folder.rglob("templates/**/*.html"):
        if ELSEWHERE & set(path.relative_to(folder).parts):
            continue
        source = path.read_text(encoding="utf-8")
        yield from (("".join(found),) for found in IN_TEMPLATES.findall(source))
        for options, text in IN_BLOCKS.findall(source):
            assert not re.search(r"\b(count|trimmed|context)\b", options), f"{path}: teach this test {options}"
            yield (re.sub(r"{{\s*(\w+)\s*}}", r"%(\1)s", text),)


def wanted(folder: Path) -> set[Texts]:
    """Everything the folder has translated."""
    return set(in_code(folder)) | set(in_templates(folder))


def catalogue(folder: Path) -> Catalog:
    """The folder's English."""
    with (folder / "locale/en/LC_MESSAGES/django.po").open("rb") as file:
        return read_po(file, locale="en", abort_invalid=True)


def entries(folder: Path) -> Iterator[tuple[Texts, Texts]]:
    """Chinese text(s) and English text(s) of each message."""
    for message in catalogue(folder):
        if message.id:
            both = [part if isinstance(part, tuple | list) else (part,) for part in (message.id, message.string)]
            yield tuple(both[0]), tuple(both[1])


def check_english(folder: Path) -> None:
    """Every text has its English, the English is English with the same values in it, and none is left over."""
    texts = wanted(folder)
    assert texts, f"{folder} says nothing"
    found = dict(entries(folder))
    assert texts - {chinese for chinese, english in found.items() if all(english)} == set()
    assert set(found) - texts == set(), "texts nobody shows any more"
    for chinese, english in found.items():
        assert not any(CHINESE.search(text) for text in english), english
        for text in english:
            assert sorted(PLACES.findall(chinese[0])) == sorted(PLACES.findall(text)), (chinese, text)


def check_compiles(folder: Path) -> None:
    """The catalogue is sound, and what is compiled from it is complete."""
    made = catalogue(folder)
    assert [error for message in made for error in message.check(made)] == []
    compiled = io.BytesIO()
    write_mo(compiled, made)
    compiled.seek(0)
    assert len(read_mo(compiled)) == len(made)
