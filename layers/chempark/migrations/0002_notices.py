"""Who keeps a copy of the registers in memory hears of changes."""

from django.db import migrations

from gis.notices import touch_trigger

TABLES = ("plant", "zone", "tagholder", "tagholder_zones")


class Migration(migrations.Migration):
    dependencies = [("chempark", "0001_initial")]

    operations = [touch_trigger(f"chempark_{table}", "chempark") for table in TABLES]
