"""Every Chinese text of the framework has its English."""

from __future__ import annotations

import re

from babel.messages.pofile import read_po

from layers.folders import LAYERS, module_keys
from tests.contract.sources import python_files, translated

IN_TEMPLATES = re.compile(r"""\btranslate\s+"([^"]+)\"""")
IN_BLOCKS = re.compile(r"blocktranslate[^%]*%}(.*?){% endblocktranslate", re.S)


def texts():
    modules = set(module_keys())
    for path in python_files(LAYERS):
        if path.relative_to(LAYERS).parts[0] not in modules:
            yield from translated(path)
    for path in (LAYERS / "templates").rglob("*.html"):
        source = path.read_text(encoding="utf-8")
        yield from IN_TEMPLATES.findall(source)
        yield from (re.sub(r"{{ (\w+) }}", r"%(\1)s", text) for text in IN_BLOCKS.findall(source))


def test_every_text_has_its_english():
    with (LAYERS / "locale/en/LC_MESSAGES/django.po").open("rb") as file:
        catalogue = {message.id: message.string for message in read_po(file) if message.id}
    wanted = set(texts())
    assert len(wanted) > 15
    assert wanted - {text for text, english in catalogue.items() if english} == set()
    assert set(catalogue) - wanted == set(), "texts nobody shows any more"
