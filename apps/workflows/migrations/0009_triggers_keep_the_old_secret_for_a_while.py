from django.db import migrations, models


class Migration(migrations.Migration):
    """A trigger's secret is changed with an overlap, so that no delivery is refused meanwhile."""

    dependencies = [("workflows", "0008_runs_know_the_run_they_are_nested_in")]

    operations = [
        migrations.AddField(
            "trigger",
            "old_secret_until",
            models.DateTimeField(blank=True, help_text="So long the secret before is good, too", null=True),
        ),
    ]
