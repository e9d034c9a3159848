"""Platforms that push over HTTP, terminals that register themselves, commands that are sent again."""

import django.db.models.deletion
from django.db import migrations, models

from gis.notices import touch_trigger


class Migration(migrations.Migration):
    """A platform put out of use is a change of what its devices may do: hence the trigger."""

    dependencies = [
        ("access", "0002_exchange"),
        ("devices", "0004_process_reports"),
        ("geo", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="device",
            name="registrable_until",
            field=models.DateTimeField(editable=False, null=True, verbose_name="允许自行注册至"),
        ),
        migrations.AddField(
            model_name="devicecommand",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=1, verbose_name="已下发次数"),
        ),
        migrations.AlterField(
            model_name="devicecommand",
            name="state",
            field=models.CharField(
                choices=[
                    ("sent", "已下发"),
                    ("ok", "已执行"),
                    ("refused", "终端拒绝"),
                    ("failed", "执行失败"),
                    ("expired", "超时未应答"),
                ],
                default="sent",
                max_length=8,
                verbose_name="状态",
            ),
        ),
        migrations.CreateModel(
            name="Platform",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="名称")),
                ("active", models.BooleanField(default=True, verbose_name="启用")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="登记时间")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.organization",
                        verbose_name="单位",
                    ),
                ),
            ],
            options={
                "verbose_name": "对接平台",
                "verbose_name_plural": "对接平台",
                "ordering": ["name"],
            },
        ),
        migrations.AddField(
            model_name="device",
            name="platform",
            field=models.ForeignKey(
                blank=True,
                help_text="由哪个平台代为推送；自己连接的终端不填",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="devices",
                to="devices.platform",
                verbose_name="对接平台",
            ),
        ),
        migrations.CreateModel(
            name="PushKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key_id", models.CharField(max_length=32, unique=True, verbose_name="密钥编号")),
                ("provider", models.CharField(max_length=40, verbose_name="加密方式")),
                ("sealed", models.BinaryField(verbose_name="密文")),
                ("issued_at", models.DateTimeField(auto_now_add=True, verbose_name="签发时间")),
                ("ends_at", models.DateTimeField(null=True, verbose_name="失效时间")),
                (
                    "platform",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="keys",
                        to="devices.platform",
                        verbose_name="对接平台",
                    ),
                ),
            ],
            options={
                "verbose_name": "推送密钥",
                "verbose_name_plural": "推送密钥",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="PushNonce",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("nonce", models.CharField(max_length=64)),
                ("at", models.DateTimeField(db_index=True)),
                (
                    "key",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="devices.pushkey",
                    ),
                ),
            ],
            options={
                "verbose_name": "推送随机数",
                "verbose_name_plural": "推送随机数",
                "constraints": [models.UniqueConstraint(fields=("key", "nonce"), name="nonce_used_once")],
            },
        ),
        migrations.CreateModel(
            name="PushReceipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("batch", models.CharField(max_length=64)),
                ("digest", models.CharField(max_length=64)),
                ("answer", models.TextField()),
                ("at", models.DateTimeField(db_index=True)),
                (
                    "platform",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="devices.platform",
                    ),
                ),
            ],
            options={
                "verbose_name": "推送回执",
                "verbose_name_plural": "推送回执",
                "constraints": [models.UniqueConstraint(fields=("platform", "batch"), name="batch_answered_once")],
            },
        ),
        touch_trigger("devices_platform", "devices"),
    ]
