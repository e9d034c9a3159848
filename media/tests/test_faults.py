"""What people are told is in their language, whatever process it comes from."""

import pytest
from django.utils import translation

from media import faults
from media.exceptions import NoReplyError, NotOfferedError, OfflineError, RefusedByDeviceError
from media.sources.faults import FAULTS


def test_every_reason_has_words():
    names = {value for name, value in vars(faults).items() if name.isupper() and isinstance(value, str)}
    assert names == set(faults.REASONS) - set(FAULTS)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotOfferedError(faults.DISK_FULL), "不能这样做：服务器磁盘快满了，暂时不能下载录像。请管理员腾出空间。"),
        (
            RefusedByDeviceError(f"{faults.LINE_BUSY}: 486"),
            "设备拒绝：设备正忙，同时取流的路数可能已满。请关掉其他画面，或稍后再试。（486）",
        ),
        (NoReplyError("login needed"), "没有应答：需要用户名和密码。请在此填写设备上的账号。"),
        (OfflineError("31011500001180000001"), "设备不在线。"),
        (RefusedByDeviceError("603 Decline"), "设备拒绝：603 Decline"),
    ],
)
def test_an_error_is_told_in_words(error, said):
    assert faults.told(error) == said


def test_and_in_english():
    with translation.override("en"):
        assert faults.told(NoReplyError(faults.NO_SERVICE)).startswith("No answer: The platform's video service")
