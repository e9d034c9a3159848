"""Positions of each five minutes by place. Digests are made anew with them, by the minutely job, the newest first."""

from django.db import migrations

CREATE = """
DELETE FROM twin_digest;
CREATE TABLE twin_place (
    kind int2 NOT NULL,
    slot timestamptz NOT NULL,
    piece int2 NOT NULL,
    west float8 NOT NULL,
    south float8 NOT NULL,
    east float8 NOT NULL,
    north float8 NOT NULL,
    things bytea NOT NULL,
    path bytea NOT NULL,
    PRIMARY KEY (kind, slot, piece),
    FOREIGN KEY (kind, slot) REFERENCES twin_digest ON DELETE CASCADE
);
ALTER TABLE twin_place ALTER COLUMN things SET STORAGE EXTERNAL, ALTER COLUMN path SET STORAGE EXTERNAL;
"""


class Migration(migrations.Migration):
    dependencies = [("twin", "0009_area_source")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE twin_place")]
