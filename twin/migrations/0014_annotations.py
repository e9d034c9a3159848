"""Annotations, and what every one of them was: the database counts and keeps versions, whoever changes one and how."""

import django.contrib.gis.db.models.fields
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import twin.annotations.symbols

COLUMNS = (
    "kind, title, text, keywords, colour, shape, length_m, area_m2, happened_at, subject_kind, subject_key, "
    "subject_title, photograph_id, copied_from_id, regions, organizations, locked, hidden, removed, author_id"
)


def of(row: str) -> str:
    """The versioned columns of one row of ``twin_annotation``."""
    return ", ".join(f"{row}.{column.strip()}" for column in COLUMNS.split(","))


KEEP = f"""
CREATE FUNCTION twin_annotation_count_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + (ROW({of("NEW")}) IS DISTINCT FROM ROW({of("OLD")}))::int;
    RETURN NEW;
END
$$;
CREATE FUNCTION twin_annotation_keep_versions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- Not the transaction's time: a long one would claim that its change was seen before it was made.
    changed_at timestamptz := clock_timestamp();
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE twin_annotationversion SET valid_to = greatest(valid_from, changed_at)
        WHERE annotation_id = OLD.id AND valid_to IS NULL;
    ELSIF TG_OP = 'INSERT' OR NEW.version > OLD.version THEN
        UPDATE twin_annotationversion SET valid_to = greatest(valid_from, changed_at)
        WHERE annotation_id = NEW.id AND valid_to IS NULL;
        INSERT INTO twin_annotationversion (annotation_id, version, {COLUMNS}, changed_by_id, valid_from)
        VALUES (NEW.id, NEW.version, {of("NEW")}, NEW.changed_by_id, changed_at);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER twin_annotation_count BEFORE UPDATE ON twin_annotation
    FOR EACH ROW EXECUTE FUNCTION twin_annotation_count_version();
CREATE TRIGGER twin_annotation_keep AFTER INSERT OR UPDATE OR DELETE ON twin_annotation
    FOR EACH ROW EXECUTE FUNCTION twin_annotation_keep_versions();
"""  # noqa: S608 - columns named above
DROP = """
DROP TRIGGER twin_annotation_keep ON twin_annotation;
DROP TRIGGER twin_annotation_count ON twin_annotation;
DROP FUNCTION twin_annotation_keep_versions();
DROP FUNCTION twin_annotation_count_version();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("twin", "0013_bulk_references"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AnnotationPhotograph",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("file", models.CharField(max_length=200, unique=True, verbose_name="文件")),
                ("small", models.CharField(max_length=200, unique=True, verbose_name="缩略图")),
                ("width", models.PositiveIntegerField(verbose_name="宽（像素）")),
                ("height", models.PositiveIntegerField(verbose_name="高（像素）")),
                ("bytes", models.PositiveIntegerField(verbose_name="字节数")),
                ("sent_at", models.DateTimeField(auto_now_add=True, verbose_name="上传时间")),
                (
                    "sent_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="上传人",
                    ),
                ),
            ],
            options={
                "verbose_name": "标绘照片",
                "verbose_name_plural": "标绘照片",
            },
        ),
        migrations.CreateModel(
            name="Annotation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=twin.annotations.symbols.symbol_choices, max_length=32, verbose_name="符号"
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=120, verbose_name="名称")),
                ("text", models.CharField(blank=True, max_length=2000, verbose_name="说明")),
                (
                    "keywords",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="关键词",
                    ),
                ),
                (
                    "colour",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("accent", "青"),
                            ("red", "红"),
                            ("orange", "橙"),
                            ("yellow", "黄"),
                            ("blue", "蓝"),
                            ("green", "绿"),
                            ("white", "白"),
                        ],
                        max_length=16,
                        verbose_name="颜色",
                    ),
                ),
                ("shape", django.contrib.gis.db.models.fields.GeometryField(srid=4326, verbose_name="图形")),
                ("length_m", models.FloatField(null=True, verbose_name="长度（米）")),
                ("area_m2", models.FloatField(null=True, verbose_name="面积（平方米）")),
                ("happened_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="所述时间")),
                ("subject_kind", models.CharField(blank=True, max_length=32, verbose_name="对应对象类别")),
                ("subject_key", models.CharField(blank=True, max_length=64, verbose_name="对应对象")),
                ("subject_title", models.CharField(blank=True, max_length=200, verbose_name="对应对象名称")),
                (
                    "regions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="所在区域",
                    ),
                ),
                (
                    "organizations",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="共享单位",
                    ),
                ),
                ("locked", models.BooleanField(default=False, verbose_name="锁定")),
                ("hidden", models.BooleanField(default=False, verbose_name="隐藏")),
                ("removed", models.BooleanField(default=False, verbose_name="删除")),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="版本")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="标绘时间")),
                ("changed_at", models.DateTimeField(auto_now=True, verbose_name="修改时间")),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="标绘人",
                    ),
                ),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="修改人",
                    ),
                ),
                (
                    "copied_from",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="twin.annotation",
                        verbose_name="引用自",
                    ),
                ),
                (
                    "photograph",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="twin.annotationphotograph",
                        verbose_name="照片",
                    ),
                ),
            ],
            options={
                "verbose_name": "标绘",
                "verbose_name_plural": "标绘",
                "ordering": ["-changed_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="AnnotationVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=twin.annotations.symbols.symbol_choices, max_length=32, verbose_name="符号"
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=120, verbose_name="名称")),
                ("text", models.CharField(blank=True, max_length=2000, verbose_name="说明")),
                (
                    "keywords",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="关键词",
                    ),
                ),
                (
                    "colour",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("accent", "青"),
                            ("red", "红"),
                            ("orange", "橙"),
                            ("yellow", "黄"),
                            ("blue", "蓝"),
                            ("green", "绿"),
                            ("white", "白"),
                        ],
                        max_length=16,
                        verbose_name="颜色",
                    ),
                ),
                ("shape", django.contrib.gis.db.models.fields.GeometryField(srid=4326, verbose_name="图形")),
                ("length_m", models.FloatField(null=True, verbose_name="长度（米）")),
                ("area_m2", models.FloatField(null=True, verbose_name="面积（平方米）")),
                ("happened_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="所述时间")),
                ("subject_kind", models.CharField(blank=True, max_length=32, verbose_name="对应对象类别")),
                ("subject_key", models.CharField(blank=True, max_length=64, verbose_name="对应对象")),
                ("subject_title", models.CharField(blank=True, max_length=200, verbose_name="对应对象名称")),
                (
                    "regions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="所在区域",
                    ),
                ),
                (
                    "organizations",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="共享单位",
                    ),
                ),
                ("locked", models.BooleanField(default=False, verbose_name="锁定")),
                ("hidden", models.BooleanField(default=False, verbose_name="隐藏")),
                ("removed", models.BooleanField(default=False, verbose_name="删除")),
                ("version", models.PositiveIntegerField(verbose_name="版本")),
                ("valid_from", models.DateTimeField(verbose_name="起")),
                ("valid_to", models.DateTimeField(null=True, verbose_name="止")),
                (
                    "annotation",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="versions",
                        to="twin.annotation",
                        verbose_name="标绘",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="标绘人",
                    ),
                ),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="修改人",
                    ),
                ),
                (
                    "copied_from",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="twin.annotation",
                        verbose_name="引用自",
                    ),
                ),
                (
                    "photograph",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="twin.annotationphotograph",
                        verbose_name="照片",
                    ),
                ),
            ],
            options={
                "verbose_name": "标绘版本",
                "verbose_name_plural": "标绘版本",
                "ordering": ["annotation_id", "version"],
            },
        ),
        migrations.AddIndex(
            model_name="annotation",
            index=django.contrib.postgres.indexes.GinIndex(fields=["regions"], name="annotation_by_region"),
        ),
        migrations.AddIndex(
            model_name="annotation",
            index=django.contrib.postgres.indexes.GinIndex(fields=["organizations"], name="annotation_by_organization"),
        ),
        migrations.AddIndex(
            model_name="annotation",
            index=models.Index(fields=["-changed_at", "-id"], name="annotation_newest"),
        ),
        migrations.AddIndex(
            model_name="annotation",
            index=models.Index(fields=["subject_kind", "subject_key"], name="annotation_by_subject"),
        ),
        migrations.AddIndex(
            model_name="annotationversion",
            index=models.Index(fields=["valid_from", "valid_to"], name="annotation_version_when"),
        ),
        migrations.AddConstraint(
            model_name="annotationversion",
            constraint=models.UniqueConstraint(fields=("annotation", "version"), name="annotation_version_once"),
        ),
        migrations.RunSQL(KEEP, DROP),
    ]
