"""What every area was, from when until when; kept by triggers, and begun with what the areas are now."""

import django.contrib.gis.db.models.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import twin.area_versions

COLUMNS = "name, kind, boundary, line, z_min_m, z_max_m, owner_id, region_id, periods, active"


def of(row: str) -> str:
    """The versioned columns of one row of ``twin_area``."""
    return ", ".join(f"{row}.{column.strip()}" for column in COLUMNS.split(","))


KEEP = f"""
CREATE FUNCTION twin_area_count_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- An area that was deleted and is put back goes on counting.
        NEW.version := greatest(
            NEW.version, (SELECT max(v.version) + 1 FROM twin_areaversion AS v WHERE v.area_id = NEW.id)
        );
    ELSE
        NEW.version := OLD.version + (ROW({of("NEW")}) IS DISTINCT FROM ROW({of("OLD")}))::int;
    END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION twin_area_keep_versions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- Not the transaction's time: a long one would claim that its change was seen before it was made.
    changed_at timestamptz := clock_timestamp();
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        UPDATE twin_areaversion SET valid_to = greatest(valid_from, changed_at) WHERE valid_to IS NULL;
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE twin_areaversion AS v SET valid_to = greatest(v.valid_from, changed_at)
        FROM before_it AS b WHERE v.area_id = b.id AND v.valid_to IS NULL;
    ELSE
        IF TG_OP = 'UPDATE' THEN
            UPDATE twin_areaversion AS v SET valid_to = greatest(v.valid_from, changed_at)
            FROM after_it AS a WHERE v.area_id = a.id AND v.valid_to IS NULL AND v.version < a.version;
        END IF;
        INSERT INTO twin_areaversion (area_id, version, {COLUMNS}, valid_from)
        SELECT a.id, a.version, {of("a")}, changed_at FROM after_it AS a
        WHERE NOT EXISTS (SELECT 1 FROM twin_areaversion AS v WHERE v.area_id = a.id AND v.version = a.version);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER twin_area_count BEFORE INSERT OR UPDATE ON twin_area
    FOR EACH ROW EXECUTE FUNCTION twin_area_count_version();
CREATE TRIGGER twin_area_keep_new AFTER INSERT ON twin_area REFERENCING NEW TABLE AS after_it
    FOR EACH STATEMENT EXECUTE FUNCTION twin_area_keep_versions();
CREATE TRIGGER twin_area_keep_changed AFTER UPDATE ON twin_area REFERENCING NEW TABLE AS after_it
    FOR EACH STATEMENT EXECUTE FUNCTION twin_area_keep_versions();
CREATE TRIGGER twin_area_keep_deleted AFTER DELETE ON twin_area REFERENCING OLD TABLE AS before_it
    FOR EACH STATEMENT EXECUTE FUNCTION twin_area_keep_versions();
CREATE TRIGGER twin_area_keep_truncated AFTER TRUNCATE ON twin_area
    FOR EACH STATEMENT EXECUTE FUNCTION twin_area_keep_versions();

-- The ledger is written in the change's own transaction, after the change, and knows who it was: one area by its key,
-- many made at once by theirs in the detail.
CREATE FUNCTION twin_area_name_author() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed text[] := ARRAY[NEW.object_id];
BEGIN
    IF NEW.object_id = '' THEN
        changed := ARRAY(SELECT jsonb_object_keys(NEW.detail -> 'objects'));
    END IF;
    UPDATE twin_areaversion SET changed_by_id = NEW.actor_id
    WHERE valid_to IS NULL AND changed_by_id IS NULL AND area_id = ANY (changed::bigint[]);
    RETURN NULL;
END
$$;
CREATE TRIGGER twin_area_author AFTER INSERT ON access_auditrecord FOR EACH ROW
    WHEN (NEW.model = 'twin.Area' AND NEW.actor_id IS NOT NULL AND NEW.action IN ('create', 'change'))
    EXECUTE FUNCTION twin_area_name_author();
"""  # noqa: S608 - columns named above
DROP = """
DROP TRIGGER twin_area_author ON access_auditrecord;
DROP TRIGGER twin_area_keep_truncated ON twin_area;
DROP TRIGGER twin_area_keep_deleted ON twin_area;
DROP TRIGGER twin_area_keep_changed ON twin_area;
DROP TRIGGER twin_area_keep_new ON twin_area;
DROP TRIGGER twin_area_count ON twin_area;
DROP FUNCTION twin_area_name_author();
DROP FUNCTION twin_area_keep_versions();
DROP FUNCTION twin_area_count_version();
"""
# Earlier shapes were not kept: what an area is now stands for all of its past, back to when the ledger saw it made.
BEGIN_WITH_NOW = f"""
INSERT INTO twin_areaversion (area_id, version, {COLUMNS}, valid_from)
SELECT a.id, a.version, {of("a")},
       (SELECT min(r.at) FROM access_auditrecord AS r
        WHERE r.model = 'twin.Area' AND r.object_id = a.id::text AND r.action = 'create')
FROM twin_area AS a;
"""  # noqa: S608 - columns named above


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_exchange"),
        ("geo", "0002_basefeature"),
        ("twin", "0007_archive"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AreaVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(verbose_name="版本")),
                ("name", models.CharField(max_length=120, verbose_name="名称")),
                (
                    "kind",
                    models.CharField(choices=twin.area_versions.area_kind_choices, max_length=16, verbose_name="类别"),
                ),
                ("boundary", django.contrib.gis.db.models.fields.MultiPolygonField(srid=4326, verbose_name="范围")),
                (
                    "line",
                    django.contrib.gis.db.models.fields.MultiLineStringField(
                        null=True, spatial_index=False, srid=4326, verbose_name="警戒线"
                    ),
                ),
                ("z_min_m", models.FloatField(null=True, verbose_name="底高（米）")),
                ("z_max_m", models.FloatField(null=True, verbose_name="顶高（米）")),
                ("periods", models.JSONField(default=list, verbose_name="时段")),
                ("active", models.BooleanField(verbose_name="启用")),
                ("valid_from", models.DateTimeField(null=True, verbose_name="起")),
                ("valid_to", models.DateTimeField(null=True, verbose_name="止")),
                (
                    "area",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="versions",
                        to="twin.area",
                        verbose_name="区域",
                    ),
                ),
                (
                    "changed_by",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="修改人",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                        verbose_name="所属单位",
                    ),
                ),
                (
                    "region",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="geo.region",
                        verbose_name="所在区域",
                    ),
                ),
            ],
            options={
                "verbose_name": "区域版本",
                "verbose_name_plural": "区域版本",
                "ordering": ["area_id", "version"],
                "constraints": [models.UniqueConstraint(fields=("area", "version"), name="area_version_once")],
            },
        ),
        migrations.RunSQL(BEGIN_WITH_NOW, migrations.RunSQL.noop),
        migrations.RunSQL(KEEP, DROP),
    ]
