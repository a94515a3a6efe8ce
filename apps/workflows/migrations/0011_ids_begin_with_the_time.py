"""Ids of what there are many of begin with the time."""

from __future__ import annotations

from django.db import migrations, models

import apps.events.ids


class Migration(migrations.Migration):
    dependencies = [("workflows", "0010_runs_by_status")]

    operations = [
        # A default is no matter of the database, but SQLite would copy the table for it.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "run",
                    "id",
                    models.UUIDField(
                        default=apps.events.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                migrations.AlterField(
                    "step",
                    "id",
                    models.UUIDField(
                        default=apps.events.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                migrations.AlterField(
                    "approval",
                    "id",
                    models.UUIDField(
                        default=apps.events.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                migrations.AlterField(
                    "notice",
                    "id",
                    models.UUIDField(
                        default=apps.events.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
    ]
