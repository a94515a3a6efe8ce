"""Ids of command runs begin with the time."""

from __future__ import annotations

from django.db import migrations, models

import apps.events.ids


class Migration(migrations.Migration):
    dependencies = [("agents", "0011_lists_by_status_and_command")]

    operations = [
        # A default is no matter of the database, but SQLite would copy the table for it.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "commandrun",
                    "id",
                    models.UUIDField(
                        default=apps.events.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
    ]
