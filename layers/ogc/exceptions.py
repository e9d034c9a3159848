"""What can be wrong with a request of a program; each is told as problem details."""

from __future__ import annotations

from django.utils.translation import gettext as _

from layers.exceptions import LayersError


class OgcError(LayersError):
    """A request that cannot be served; ``status`` and ``title`` say how, the text what to do.

    Parameters
    ----------
    detail : str
        What is wrong, and what would be right.
    """

    status = 400

    def __init__(self, detail: str) -> None:
        self.detail = str(detail)
        super().__init__(self.detail)

    @property
    def title(self) -> str:
        """Short name of the error."""
        titles = {
            400: _("请求有误"),
            404: _("没有这个资源"),
            405: _("不能这样请求"),
            406: _("没有这种格式"),
            503: _("暂时无法读取"),
        }
        return titles[self.status]


class BadParameterError(OgcError):
    """A parameter that is unknown, or has an impossible value."""


class BadFilterError(BadParameterError):
    """A filter that cannot be read, or asks what must not be asked."""


class NotFoundError(OgcError):
    """No such collection, feature, tile or system of tiles."""

    status = 404


class NotAcceptableError(OgcError):
    """None of the formats that the client accepts."""

    status = 406


class NoSuchMethodError(OgcError):
    """Something would be changed here, where everything is only read."""

    status = 405

    def __init__(self) -> None:
        super().__init__(_("开放接口只能读取，可用的方法：GET、HEAD、OPTIONS"))


class BusyError(OgcError):
    """The database could not answer in time."""

    status = 503
