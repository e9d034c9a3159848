"""The trigger that tells of changed devices."""

from django.db import migrations

from gis.notices import touch_trigger


class Migration(migrations.Migration):
    """Runs after the models are there."""

    dependencies = [("devices", "0001_initial")]

    operations = [touch_trigger("devices_device", "devices")]
