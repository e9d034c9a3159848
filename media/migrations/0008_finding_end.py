"""What ended lately is asked every second."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("media", "0007_recordings_missing")]

    operations = [
        migrations.AddIndex("analysisfinding", models.Index(fields=["ended_at"], name="finding_end")),
    ]
