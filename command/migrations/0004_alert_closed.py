"""Which alerts were open at a past moment is asked by when they were closed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One index."""

    dependencies = [("command", "0003_watch")]

    operations = [
        migrations.AddIndex("alert", models.Index(fields=["closed_at"], name="alert_closed")),
    ]
