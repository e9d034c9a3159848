"""Reading the past for an HTTP answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext
from ninja.errors import HttpError
from psycopg.errors import QueryCanceled

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
        raise _too_slow() from None
    except OperationalError as error:
        # The limit of the rows' own query holds for whatever is asked after it in their transaction.
        if isinstance(error.__cause__, QueryCanceled):
            raise _too_slow() from None
        raise
    except PastDamagedError as error:
        logger.error("history: an archived file cannot be read: %s", error)
        told = gettext("%s 这一天（UTC）的归档文件缺失或已损坏，含这一天的历史暂时不能读取，请联系管理员。")
        raise HttpError(503, told % error.day) from None


def _too_slow() -> HttpError:
    return HttpError(503, gettext("读取历史用时过长，已停止。请缩短时间或缩小范围后再试。"))
