"""Areas carry where they come from and what is kept of their kind; both are part of every version."""

from django.db import migrations, models

COLUMNS = "name, kind, boundary, line, z_min_m, z_max_m, owner_id, region_id, periods, active, source, attributes"
BEFORE = "name, kind, boundary, line, z_min_m, z_max_m, owner_id, region_id, periods, active"


def functions(columns: str) -> str:
    """The functions of the triggers of ``twin_area`` (migration 0008) for these columns."""

    def of(row: str) -> str:
        return ", ".join(f"{row}.{column.strip()}" for column in columns.split(","))

    return f"""
CREATE OR REPLACE FUNCTION twin_area_count_version() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE OR REPLACE FUNCTION twin_area_keep_versions() RETURNS trigger LANGUAGE plpgsql AS $$
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
        INSERT INTO twin_areaversion (area_id, version, {columns}, valid_from)
        SELECT a.id, a.version, {of("a")}, changed_at FROM after_it AS a
        WHERE NOT EXISTS (SELECT 1 FROM twin_areaversion AS v WHERE v.area_id = a.id AND v.version = a.version);
    END IF;
    RETURN NULL;
END
$$;
"""  # noqa: S608 - columns named above


class Migration(migrations.Migration):
    dependencies = [("twin", "0008_area_versions")]

    operations = [
        *(
            migrations.AddField(
                model_name=model,
                name="source",
                field=models.CharField(blank=True, db_default="", max_length=200, verbose_name="来源", **more),
            )
            for model, more in (("area", {"default": ""}), ("areaversion", {}))
        ),
        *(
            migrations.AddField(
                model_name=model,
                name="attributes",
                field=models.JSONField(
                    db_default=models.Value({}, models.JSONField()), default=dict, verbose_name="属性", **more
                ),
            )
            for model, more in (("area", {"blank": True, "editable": False}), ("areaversion", {}))
        ),
        migrations.RunSQL(functions(COLUMNS), functions(BEFORE)),
    ]
