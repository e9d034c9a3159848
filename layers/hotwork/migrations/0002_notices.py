"""Who keeps a copy of the registers in memory hears of changes."""

from django.db import migrations

from gis.notices import touch_trigger

TABLES = ("hotworkfirm", "welder", "machine", "keyarea", "importantperiod")


class Migration(migrations.Migration):
    dependencies = [("hotwork", "0001_initial")]

    operations = [
        *(touch_trigger(f"hotwork_{table}", "hotwork") for table in TABLES),
        touch_trigger("hotwork_workconfirmation", "hotwork_confirmed"),
    ]
