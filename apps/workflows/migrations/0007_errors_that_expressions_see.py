from django.db import migrations, models


class Migration(migrations.Migration):
    """A map says which of its items failed, and a step with which error it sent the run back."""

    dependencies = [("workflows", "0006_what_agents_ask")]

    operations = [
        migrations.AddField(
            "step",
            "item_errors",
            models.JSONField(
                blank=True, help_text="Of a map: which of its items failed, and why", null=True
            ),
        ),
        migrations.AddField(
            "step",
            "sent_back",
            models.JSONField(
                blank=True, help_text="The error with which it last sent the run back", null=True
            ),
        ),
    ]
