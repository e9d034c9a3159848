"""Lines beside areas, and what is not decided yet about who left an area or passed a line."""

import django.contrib.gis.db.models.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("twin", "0005_census"),
    ]

    operations = [
        migrations.AddField(
            model_name="presence",
            name="outside_since",
            field=models.DateTimeField(editable=False, null=True, verbose_name="越出时间"),
        ),
        migrations.AddField(
            model_name="area",
            name="line",
            field=django.contrib.gis.db.models.fields.MultiLineStringField(
                blank=True, null=True, spatial_index=False, srid=4326, verbose_name="警戒线"
            ),
        ),
        migrations.AlterField(
            model_name="area",
            name="boundary",
            field=django.contrib.gis.db.models.fields.MultiPolygonField(blank=True, srid=4326, verbose_name="范围"),
        ),
        migrations.AlterField(
            model_name="area",
            name="kind",
            field=models.CharField(
                choices=[("fence", "电子围栏"), ("key_area", "重点区域"), ("zone", "人员区域"), ("line", "警戒线")],
                max_length=16,
                verbose_name="类别",
            ),
        ),
        migrations.AddConstraint(
            model_name="area",
            constraint=models.CheckConstraint(
                condition=models.Q(kind="line", line__isnull=False) | (~models.Q(kind="line") & models.Q(line=None)),
                name="area_line_where_it_is_one",
            ),
        ),
        migrations.CreateModel(
            name="BeyondLine",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "asset_id", "area_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("since", models.DateTimeField(verbose_name="越线时间")),
                ("inward", models.SmallIntegerField(verbose_name="方向")),
                (
                    "area",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="twin.area"),
                ),
                (
                    "asset",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="twin.asset"),
                ),
            ],
            options={"verbose_name": "过线待定", "verbose_name_plural": "过线待定"},
        ),
    ]
