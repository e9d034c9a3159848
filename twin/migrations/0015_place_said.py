"""Beside each position of a place what else was said there. Digests are made anew with it, the newest first."""

from django.db import migrations

CREATE = """
DELETE FROM twin_digest;
ALTER TABLE twin_place ADD COLUMN said bytea NOT NULL;
ALTER TABLE twin_place ALTER COLUMN said SET STORAGE EXTERNAL;
"""


class Migration(migrations.Migration):
    dependencies = [("twin", "0014_annotations")]

    operations = [migrations.RunSQL(CREATE, "ALTER TABLE twin_place DROP COLUMN said")]
