import django.contrib.gis.db.models.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

from gis.notices import touch_trigger


class Migration(migrations.Migration):
    dependencies = [
        ("geo", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="BaseFeature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("road", "道路"),
                            ("water", "水系"),
                            ("green", "绿地"),
                            ("block", "街区"),
                            ("building", "建筑"),
                        ],
                        max_length=16,
                        verbose_name="类别",
                    ),
                ),
                ("category", models.CharField(max_length=32, verbose_name="细类")),
                ("name", models.CharField(blank=True, max_length=120, verbose_name="名称")),
                ("height_m", models.FloatField(blank=True, null=True, verbose_name="高度（米）")),
                ("min_zoom", models.PositiveSmallIntegerField(verbose_name="最小显示级别")),
                ("generated", models.BooleanField(verbose_name="程序生成")),
                ("source", models.CharField(max_length=200, verbose_name="来源")),
                (
                    "geometry",
                    django.contrib.gis.db.models.fields.GeometryField(
                        spatial_index=False, srid=4326, verbose_name="图形"
                    ),
                ),
            ],
            options={
                "verbose_name": "底图要素",
                "verbose_name_plural": "底图要素",
                "indexes": [
                    django.contrib.postgres.indexes.GistIndex(
                        models.F("geometry"), condition=models.Q(("kind", "road")), name="geo_base_road"
                    ),
                    django.contrib.postgres.indexes.GistIndex(
                        models.F("geometry"), condition=models.Q(("kind", "water")), name="geo_base_water"
                    ),
                    django.contrib.postgres.indexes.GistIndex(
                        models.F("geometry"), condition=models.Q(("kind", "green")), name="geo_base_green"
                    ),
                    django.contrib.postgres.indexes.GistIndex(
                        models.F("geometry"), condition=models.Q(("kind", "block")), name="geo_base_block"
                    ),
                    django.contrib.postgres.indexes.GistIndex(
                        models.F("geometry"), condition=models.Q(("kind", "building")), name="geo_base_building"
                    ),
                    django.contrib.postgres.indexes.GistIndex(
                        models.F("geometry"),
                        condition=models.Q(("kind", "road"), ("min_zoom__lte", 11)),
                        name="geo_base_road_far",
                    ),
                    django.contrib.postgres.indexes.GistIndex(
                        models.F("geometry"),
                        condition=models.Q(("kind", "green"), ("min_zoom__lte", 11)),
                        name="geo_base_green_far",
                    ),
                    django.contrib.postgres.indexes.GistIndex(
                        models.F("geometry"),
                        condition=models.Q(("kind", "block"), ("min_zoom__lte", 11)),
                        name="geo_base_block_far",
                    ),
                ],
            },
        ),
        touch_trigger("geo_basefeature", "basemap"),
    ]
