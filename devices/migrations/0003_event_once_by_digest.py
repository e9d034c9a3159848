"""An event is recognised by the digest of its body: an index entry has not room for every body."""

import django.db.models.functions.comparison
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    """Before, a long event stopped its worker."""

    dependencies = [
        ("devices", "0002_notices"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="deviceevent",
            name="device_event_once",
        ),
        migrations.AddConstraint(
            model_name="deviceevent",
            constraint=models.UniqueConstraint(
                models.F("device"),
                models.F("channel"),
                models.F("ts"),
                django.db.models.functions.text.MD5(
                    django.db.models.functions.comparison.Cast("body", models.TextField())
                ),
                name="device_event_once",
            ),
        ),
    ]
