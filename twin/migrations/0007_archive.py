"""The archive's manifest, keyframes and digests of the history, and marks of what came late."""

from django.db import migrations, models

CREATE = """
CREATE TABLE twin_keyframe (
    kind int2 NOT NULL,
    at timestamptz NOT NULL,
    things int4 NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (kind, at)
);
CREATE TABLE twin_digest (
    kind int2 NOT NULL,
    slot timestamptz NOT NULL,
    things int4 NOT NULL,
    boxes bytea NOT NULL,
    last bytea NOT NULL,
    PRIMARY KEY (kind, slot)
);
ALTER TABLE twin_keyframe ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE twin_digest ALTER COLUMN boxes SET STORAGE EXTERNAL, ALTER COLUMN last SET STORAGE EXTERNAL;
CREATE TABLE twin_late (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind int2 NOT NULL,
    slot timestamptz NOT NULL
);
"""


class Migration(migrations.Migration):
    dependencies = [("twin", "0006_fence_engine")]

    operations = [
        migrations.CreateModel(
            name="ArchivedDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.PositiveSmallIntegerField(verbose_name="类别代码")),
                ("day", models.DateField(verbose_name="日期（UTC）")),
                ("name", models.CharField(max_length=200, unique=True, verbose_name="文件")),
                ("rows", models.BigIntegerField(verbose_name="行数")),
                ("size_bytes", models.BigIntegerField(verbose_name="字节数")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("first_at", models.DateTimeField(verbose_name="最早时间")),
                ("last_at", models.DateTimeField(verbose_name="最晚时间")),
                ("west", models.FloatField(verbose_name="西")),
                ("south", models.FloatField(verbose_name="南")),
                ("east", models.FloatField(verbose_name="东")),
                ("north", models.FloatField(verbose_name="北")),
                ("archived_at", models.DateTimeField(verbose_name="归档时间")),
                ("restored_until", models.DateTimeField(null=True, verbose_name="恢复到")),
            ],
            options={
                "verbose_name": "归档日",
                "verbose_name_plural": "归档日",
                "ordering": ["kind", "day"],
                "constraints": [models.UniqueConstraint(fields=("kind", "day"), name="one_archived_file_a_day")],
            },
        ),
        migrations.RunSQL(CREATE, "DROP TABLE twin_late, twin_digest, twin_keyframe"),
    ]
