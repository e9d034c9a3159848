"""Every Chinese text of this floor has its English."""

import re
from pathlib import Path

from babel.messages.pofile import read_po

FLOOR = Path(__file__).resolve().parent.parent
IN_PYTHON = re.compile(r'(?:\b_|gettext|gettext_lazy)\(\s*"([^"]+)"')
IN_TEMPLATES = re.compile(r"""\btranslate\s+(?:"([^"]+)"|'([^']+)')""")
IN_BLOCKS = re.compile(r"blocktranslate[^%]*%}(.*?){% endblocktranslate", re.S)


def texts():
    for path in FLOOR.rglob("*.py"):
        if not {"tests", "migrations"} & set(path.parts):
            yield from IN_PYTHON.findall(path.read_text())
    for path in (FLOOR / "templates").rglob("*.html"):
        source = path.read_text()
        yield from (one or other for one, other in IN_TEMPLATES.findall(source))
        yield from (re.sub(r"{{ (\w+) }}", r"%(\1)s", text) for text in IN_BLOCKS.findall(source))


def test_every_text_has_its_english():
    with (FLOOR / "locale/en/LC_MESSAGES/django.po").open("rb") as file:
        catalogue = {message.id: message.string for message in read_po(file) if message.id}
    wanted = set(texts())
    assert len(wanted) > 80
    assert wanted - {text for text, english in catalogue.items() if english} == set()
    assert set(catalogue) - wanted == set(), "texts nobody shows any more"
