"""Why something that came for a camera was not taken, in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.translation import gettext_lazy as _

from devices.reasons import Reason

MALFORMED = "sip_malformed"
STRANGER = "sip_stranger"
SCANNER = "sip_scanner"
FORGED = "sip_forged"
WRONG_PASSWORD = "sip_wrong_password"  # noqa: S105 (a reason's name)
WRONG_NETWORK = "sip_wrong_network"
LOCKED_OUT = "sip_locked_out"
FLOODING = "sip_flooding"
UNREADABLE = "manscdp_unreadable"
SDP_UNUSABLE = "sdp_unusable"
RTP_FOREIGN = "rtp_foreign"
PICTURE_DAMAGED = "picture_damaged"

REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        MALFORMED: Reason(_("SIP 报文不合格式"), _("未应答。个别设备反复出现时，请厂商修改程序；来源陌生的不必理会。")),
        STRANGER: Reason(
            _("SIP 来源未注册"), _("不是已注册设备发来的，未应答。若是自己的设备，请检查它是否注册成功。")
        ),
        SCANNER: Reason(_("扫描探测"), _("外来的 SIP 扫描，未应答。请确认 SIP 端口只对设备所在网络开放。")),
        FORGED: Reason(_("疑似伪造的请求"), _("冒用会话或设备的身份，未处理。若反复出现，请查明来源地址。")),
        WRONG_PASSWORD: Reason(_("视频设备密码错误"), _("请核对设备上的编码与密码，必要时在“视频设备”中重设密码。")),
        WRONG_NETWORK: Reason(_("地址不在允许之列"), _("设备换了地址时，请在“视频设备”中修改“允许的地址”。")),
        LOCKED_OUT: Reason(
            _("密码错误过多，已锁定"), _("同一来源连续输错密码，15 分钟内不再应答。请先改正设备上的密码。")
        ),
        FLOODING: Reason(_("SIP 发送过快"), _("每秒报文过多，未处理。请厂商检查程序；来源陌生的请在网络上拦截。")),
        UNREADABLE: Reason(
            _("国标消息读不出来"), _("消息体不是可用的 XML，未处理。请核对该设备的“字符集”，或请厂商修改程序。")
        ),
        SDP_UNUSABLE: Reason(
            _("媒体协商失败"), _("设备的媒体描述（SDP）缺少地址、端口或格式，或过大。请厂商修改程序。")
        ),
        RTP_FOREIGN: Reason(_("媒体来源不符"), _("媒体端口上收到别处发来的数据，已丢弃，正在播放的画面不受影响。")),
        PICTURE_DAMAGED: Reason(
            _("码流损坏"), _("码流中有读不出来的部分，已跳过。经常出现时，请检查网络丢包或设备编码。")
        ),
    }
)
