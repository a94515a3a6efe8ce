"""Ids of what there are many of begin with the time."""

from __future__ import annotations

from django.db import migrations, models

import apps.events.ids


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0003_webhook_sending")]

    operations = [
        # A default is no matter of the database, but SQLite would copy the table for it.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "alert",
                    "id",
                    models.UUIDField(
                        default=apps.events.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                migrations.AlterField(
                    "webhookdelivery",
                    "id",
                    models.UUIDField(
                        default=apps.events.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
    ]
