"""What the page of a calibration asks for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from gis.calibration.sources import Source
from gis.calibration.table import HEADINGS
from gis.crs import datum_names
from gis.exceptions import CalibrationError

SHIFTED = frozenset({"gcj02", "bd09", "bd09mc"})
"""No survey delivers control points in these."""
ORDERS = [("east", _("东坐标（经度）在前")), ("north", _("北坐标（纬度）在前，测量习惯"))]


class PointsForm(forms.Form):
    """Control points, and what their two sides are."""

    lines = forms.CharField(
        label=_("控制点"),
        required=False,
        max_length=400_000,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
        help_text=_("每行一个：点名、源坐标两列、目标坐标两列，有大地高的再加源高、目标高；可从表格软件直接粘贴。"),
    )
    file = forms.FileField(label=_("或选文件"), required=False, help_text=_("CSV 或 XLSX，选了文件就不看上面的内容。"))
    kind = forms.ChoiceField(
        label=_("源坐标"),
        choices=[("metres", _("平面坐标（米）")), ("degrees", _("经纬度（度）"))],
        initial="metres",
        help_text=_("要标定的坐标系，例如城市独立坐标系。"),
    )
    source_order = forms.ChoiceField(label=_("源坐标次序"), choices=ORDERS, initial="east")
    ellipsoid = forms.ChoiceField(
        label=_("源椭球"),
        required=False,
        choices=[
            ("", _("不知道（只算四参数和六参数）")),
            ("krass", _("克拉索夫斯基（北京 54）")),
            ("iau76", _("IAG 75（西安 80）")),
            ("GRS80", "GRS 80 (CGCS2000)"),
            ("WGS84", "WGS 84"),
        ],
        help_text=_("七参数须知道椭球；平面坐标还须知道投影。"),
    )
    projection = forms.CharField(
        label=_("源投影"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": "+proj=tmerc +lat_0=0 +lon_0=120 +k=1 +x_0=500000 +y_0=0"}),
        help_text=_("高斯投影的参数，不写椭球；平面坐标要算七参数时才填。"),
    )
    meridian = forms.FloatField(
        label=_("中央子午线（度）"),
        required=False,
        min_value=70,
        max_value=140,
        help_text=_("城市坐标系自己的中央子午线，知道就填；不填则取控制点的中间。"),
    )
    target = forms.ChoiceField(label=_("目标坐标系"), initial="cgcs2000", help_text=_("目标坐标是按什么给出的。"))
    target_order = forms.ChoiceField(label=_("目标坐标次序"), choices=ORDERS, initial="east")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        names = [name for name in datum_names() if name not in SHIFTED]
        self.fields["target"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.headings = HEADINGS

    def clean(self) -> dict[str, Any]:
        """Something to read, and a source that PROJ can be given."""
        values = super().clean() or {}
        if not values.get("lines") and not values.get("file"):
            self.add_error("lines", _("请填写控制点，或选一个文件。"))
        try:
            self.source(values).check()
        except CalibrationError as error:
            self.add_error("projection", str(error))
        return values

    @staticmethod
    def source(values: dict[str, Any]) -> Source:
        """The system to be calibrated."""
        projection = " ".join((values.get("projection") or "").split())
        return Source(values.get("kind") == "degrees", values.get("ellipsoid") or "", projection)


class SaveForm(forms.Form):
    """Under which name, and which of the models."""

    name = forms.CharField(
        label=_("名称"),
        max_length=40,
        validators=[RegexValidator(r"^[\w-][\w.-]*$", _("名称只能由汉字、字母、数字和 . _ - 组成。"))],
        help_text=_("导入、导出、终端和接口里用这个名称选用；用已有的名称保存，成为它的新版本。"),
    )
    model = forms.ChoiceField(label=_("采用模型"))
    note = forms.CharField(label=_("说明"), required=False, max_length=200, help_text=_("控制点来源、测量日期等。"))

    def __init__(self, models: list[tuple[str, str]], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["model"].choices = models  # type: ignore[attr-defined]
