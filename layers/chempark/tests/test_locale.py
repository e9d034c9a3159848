"""Every Chinese text of this module has its English."""

import re
from pathlib import Path

from babel.messages.pofile import read_po

MODULE = Path(__file__).resolve().parent.parent
IN_PYTHON = re.compile(r'(?:\b_|gettext|gettext_lazy)\(\s*"([^"]+)"')


def test_every_text_has_its_english():
    wanted = set()
    for path in MODULE.rglob("*.py"):
        if not {"tests", "migrations"} & set(path.parts):
            wanted.update(IN_PYTHON.findall(path.read_text()))
    with (MODULE / "locale/en/LC_MESSAGES/django.po").open("rb") as file:
        catalogue = {message.id: message.string for message in read_po(file) if message.id}
    assert len(wanted) > 50
    assert wanted - {text for text, english in catalogue.items() if english} == set()
    assert set(catalogue) - wanted == set(), "texts nobody shows any more"
