"""``manage.py startlayer NAME``: write a module that works as it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from layers import folders
from layers.folders import KEY
from twin.kinds import kinds

STARTER = folders.LAYERS / "starter"
_FIRST_CODE = 100


class Command(BaseCommand):
    """Writes one folder and touches nothing else."""

    requires_system_checks = ()  # writes files; they are checked, and so is all else, when they are migrated
    help = "新建图层模块：一个文件夹，含对象类别、实时图层、台账、规则、测试"

    def add_arguments(self, parser: CommandParser) -> None:
        """Options of the command."""
        parser.add_argument("name", help="模块名：文件夹、应用标签和编号前缀共用，小写字母、数字和下划线")
        parser.add_argument("--title", help="中文名称")
        parser.add_argument("--title-en", help="英文名称")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the folder."""
        key = options["name"]
        folder = folders.LAYERS / key
        _check(key, folder)
        words = {
            "key": key,
            "Class": "".join(part.capitalize() for part in key.split("_")),
            "title": options["title"] or _("业务 %(name)s") % {"name": key},
            "title_en": options["title_en"] or f"Business {key}",
            "code": str(_free_code()),
        }
        if bad := [word for word in (words["title"], words["title_en"]) if set(word) & set('"\\{}\n')]:
            raise CommandError(_("名称“%(name)s”含有引号、反斜杠、花括号或换行") % {"name": bad[0]})
        for source in sorted(path for path in STARTER.rglob("*.txt")):
            target = folder / _filled(str(source.relative_to(STARTER)).removesuffix(".txt"), words)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_filled(source.read_text(encoding="utf-8"), words), encoding="utf-8")
        self.stdout.write(
            _("已写入 layers/%(name)s。接着：manage.py migrate；pytest layers/%(name)s tests/contract") % {"name": key}
        )


def _check(key: str, folder: Path) -> None:
    if not KEY.fullmatch(key):
        raise CommandError(_("模块名“%(name)s”应以小写字母开头，只含小写字母、数字和下划线") % {"name": key})
    if folder.exists() or (folders.LAYERS / f"{key}.py").exists():
        raise CommandError(_("layers/%(name)s 已经存在") % {"name": key})
    if key in apps.app_configs or any(kind.key == key for kind in kinds()):
        raise CommandError(_("“%(name)s”已被平台使用，请另取一个名称") % {"name": key})


def _free_code() -> int:
    taken = {kind.code for kind in kinds()}
    code = next((code for code in range(_FIRST_CODE, 256) if code not in taken), None)
    if code is None:
        raise CommandError(_("对象类别的代码 %(first)d 至 255 都已用完") % {"first": _FIRST_CODE})
    return code


def _filled(text: str, words: dict[str, str]) -> str:
    for name, word in words.items():
        text = text.replace(f"{{{{{name}}}}}", word)
    return text
