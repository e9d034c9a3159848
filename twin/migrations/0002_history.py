"""The track history and the triggers that tell who keeps copies."""

from django.db import migrations

from gis.notices import touch_trigger

CREATE = """
CREATE TABLE twin_track (
    kind int2 NOT NULL,
    asset_id int8 NOT NULL,
    device_id int8 NOT NULL,
    seq int8 NOT NULL,
    ts timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    lon float8 NOT NULL,
    lat float8 NOT NULL,
    alt_m float4,
    speed_m_s float4,
    heading_deg float4,
    accuracy_m float4,
    status int2,
    source_x float8,
    source_y float8,
    datum text,
    attrs jsonb
) PARTITION BY LIST (kind)
"""


class Migration(migrations.Migration):
    """Runs after the models are there."""

    dependencies = [("twin", "0001_initial")]

    operations = [
        migrations.RunSQL(CREATE, "DROP TABLE twin_track"),
        # The state is rewritten with every report: room on the page keeps the update off the index.
        migrations.RunSQL(
            "ALTER TABLE twin_state SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)",
            "ALTER TABLE twin_state RESET (fillfactor, autovacuum_vacuum_scale_factor)",
        ),
        touch_trigger("twin_asset", "assets"),
        touch_trigger("twin_area", "areas"),
    ]
