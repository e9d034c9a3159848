"""When a status was last said, apart from the position's time: the two come in any order."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Runs after the history is there."""

    dependencies = [
        ("twin", "0002_history"),
    ]

    operations = [
        migrations.AddField(
            model_name="state",
            name="status_ts",
            field=models.DateTimeField(editable=False, null=True, verbose_name="状态时间"),
        ),
    ]
