"""Reading the past for an HTTP answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connection, transaction
from django.utils.translation import gettext
from ninja.errors import HttpError

from twin.exceptions import PastDamagedError, PastTooSlowError

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


def reading(work: Callable[[Any], Result]) -> Result:
    """Do ``work`` with a cursor that may read the past.

    Raises
    ------
    HttpError
        It takes too long, or an archived file that is needed is damaged.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            return work(cursor)
    except PastTooSlowError:
        raise HttpError(503, gettext("读取历史用时过长，已停止。请缩短时间或缩小范围后再试。")) from None
    except PastDamagedError as error:
        logger.error("history: an archived file cannot be read: %s", error)
        told = gettext("%s 这一天（UTC）的归档文件缺失或已损坏，含这一天的历史暂时不能读取，请联系管理员。")
        raise HttpError(503, told % error.day) from None
