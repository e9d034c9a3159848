import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

from gis.notices import touch_trigger


class Migration(migrations.Migration):
    dependencies = [
        ("media", "0003_recordings"),
    ]

    operations = [
        migrations.CreateModel(
            name="Superior",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, verbose_name="名称")),
                (
                    "code",
                    models.CharField(
                        max_length=20,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A\\d{20}\\Z", "须为 20 位数字（GB/T 28181 附录 E）"
                            )
                        ],
                        verbose_name="上级平台编码",
                    ),
                ),
                ("domain", models.CharField(max_length=64, verbose_name="上级 SIP 域")),
                ("host", models.CharField(help_text="IP 地址或主机名。", max_length=253, verbose_name="上级地址")),
                (
                    "port",
                    models.PositiveIntegerField(
                        default=5060,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(65535),
                        ],
                        verbose_name="上级端口",
                    ),
                ),
                (
                    "transport",
                    models.CharField(
                        choices=[("udp", "UDP"), ("tcp", "TCP")], default="udp", max_length=3, verbose_name="信令传输"
                    ),
                ),
                (
                    "own_code",
                    models.CharField(
                        blank=True,
                        help_text="上级分配的 20 位编码；不填则用“国标接入参数”中的平台编码。",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A\\d{20}\\Z", "须为 20 位数字（GB/T 28181 附录 E）"
                            )
                        ],
                        verbose_name="本平台在上级的编码",
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        blank=True, help_text="不填则与编码相同。", max_length=64, verbose_name="认证用户名"
                    ),
                ),
                ("provider", models.CharField(blank=True, editable=False, max_length=40, verbose_name="加密方式")),
                ("sealed", models.BinaryField(default=b"", verbose_name="密码")),
                ("password_set_at", models.DateTimeField(editable=False, null=True, verbose_name="密码设置时间")),
                (
                    "expires_s",
                    models.PositiveIntegerField(
                        default=3600,
                        validators=[
                            django.core.validators.MinValueValidator(60),
                            django.core.validators.MaxValueValidator(604800),
                        ],
                        verbose_name="注册有效期（秒）",
                    ),
                ),
                (
                    "keepalive_s",
                    models.PositiveSmallIntegerField(
                        default=60,
                        validators=[
                            django.core.validators.MinValueValidator(5),
                            django.core.validators.MaxValueValidator(3600),
                        ],
                        verbose_name="心跳间隔（秒）",
                    ),
                ),
                (
                    "misses",
                    models.PositiveSmallIntegerField(
                        default=3,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(20),
                        ],
                        verbose_name="心跳超时次数",
                    ),
                ),
                (
                    "charset",
                    models.CharField(
                        choices=[("gb18030", "GB 18030（GB 2312）"), ("utf-8", "UTF-8")],
                        default="gb18030",
                        max_length=8,
                        verbose_name="字符集",
                    ),
                ),
                (
                    "controls",
                    models.BooleanField(
                        default=False,
                        help_text="允许上级转动云台、布撤防、开关录像；不能重启设备。",
                        verbose_name="允许控制",
                    ),
                ),
                ("past", models.BooleanField(default=True, verbose_name="允许看录像")),
                ("active", models.BooleanField(default=True, verbose_name="启用")),
            ],
            options={
                "verbose_name": "上级平台",
                "verbose_name_plural": "上级平台",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="SharedChannel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "code",
                    models.CharField(
                        blank=True,
                        help_text="不填则用通道自己的编码。",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A\\d{20}\\Z", "须为 20 位数字（GB/T 28181 附录 E）"
                            )
                        ],
                        verbose_name="在上级的编码",
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        blank=True, help_text="不填则用通道名称。", max_length=255, verbose_name="在上级的名称"
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="media.channel",
                        verbose_name="视频通道",
                    ),
                ),
            ],
            options={
                "verbose_name": "共享通道",
                "verbose_name_plural": "共享通道",
                "ordering": ["superior", "channel"],
            },
        ),
        migrations.CreateModel(
            name="Uplink",
            fields=[
                (
                    "superior",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="uplink",
                        serialize=False,
                        to="media.superior",
                    ),
                ),
                ("online", models.BooleanField(default=False, verbose_name="在线")),
                ("since", models.DateTimeField(verbose_name="始于")),
                ("fault", models.CharField(blank=True, max_length=255, verbose_name="最近的问题")),
            ],
            options={
                "verbose_name": "上级注册",
                "verbose_name_plural": "上级注册",
            },
        ),
        migrations.AddField(
            model_name="superior",
            name="channels",
            field=models.ManyToManyField(through="media.SharedChannel", to="media.channel", verbose_name="共享的通道"),
        ),
        migrations.AddField(
            model_name="sharedchannel",
            name="superior",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="shared",
                to="media.superior",
                verbose_name="上级平台",
            ),
        ),
        migrations.AddConstraint(
            model_name="sharedchannel",
            constraint=models.UniqueConstraint(fields=("superior", "channel"), name="channel_shared_once"),
        ),
        migrations.AddConstraint(
            model_name="sharedchannel",
            constraint=models.UniqueConstraint(
                condition=models.Q(("code", ""), _negated=True), fields=("superior", "code"), name="shared_code_once"
            ),
        ),
        touch_trigger("media_superior", "video"),
        touch_trigger("media_sharedchannel", "video"),
    ]
