from django.db import migrations, models
from django.db.models.deletion import CASCADE, PROTECT


class Migration(migrations.Migration):
    """Lists by status and by command are read in their order however long the history is; and an index
    that is the beginning of another one is written for nothing, so it goes.

    The columns stay as they are: only the indexes are dropped, because SQLite would copy the table.
    """

    dependencies = [("agents", "0010_sessions_of_agents")]

    operations = [
        migrations.AddIndex(
            "commandrun",
            models.Index(fields=["project", "status", "-queued_at", "-id"], name="command_run_by_status"),
        ),
        migrations.AddIndex(
            "commandrun", models.Index(fields=["command", "-queued_at", "-id"], name="command_run_by_command")
        ),
        migrations.AddIndex(
            "commandrun",
            models.Index(
                fields=["agent", "finished_at"],
                condition=models.Q(finished_at__isnull=False),
                name="command_run_agent_finished",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS agents_commandrun_project_id_e730da4a",
                    "CREATE INDEX agents_commandrun_project_id_e730da4a ON agents_commandrun (project_id)",
                ),
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS agents_commandrun_agent_id_05359747",
                    "CREATE INDEX agents_commandrun_agent_id_05359747 ON agents_commandrun (agent_id)",
                ),
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS agents_commandrun_command_id_36af44de",
                    "CREATE INDEX agents_commandrun_command_id_36af44de ON agents_commandrun (command_id)",
                ),
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS agents_commandrunattempt_command_run_id_3c8df38d",
                    "CREATE INDEX agents_commandrunattempt_command_run_id_3c8df38d"
                    " ON agents_commandrunattempt (command_run_id)",
                ),
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS agents_commandrunline_command_run_id_eb04885b",
                    "CREATE INDEX agents_commandrunline_command_run_id_eb04885b"
                    " ON agents_commandrunline (command_run_id)",
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    "commandrun",
                    "project",
                    models.ForeignKey(
                        "accounts.Project", db_index=False, on_delete=CASCADE, related_name="command_runs"
                    ),
                ),
                migrations.AlterField(
                    "commandrun",
                    "agent",
                    models.ForeignKey(
                        "agents.Agent",
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=PROTECT,
                        related_name="command_runs",
                    ),
                ),
                migrations.AlterField(
                    "commandrun",
                    "command",
                    models.ForeignKey(
                        "agents.Command",
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=PROTECT,
                        related_name="runs",
                        help_text="Empty for work that no agent does",
                    ),
                ),
                migrations.AlterField(
                    "commandrunattempt",
                    "command_run",
                    models.ForeignKey(
                        "agents.CommandRun",
                        db_index=False,
                        on_delete=CASCADE,
                        related_name="attempts",
                        help_text="The first column of what is unique",
                    ),
                ),
                migrations.AlterField(
                    "commandrunline",
                    "command_run",
                    models.ForeignKey(
                        "agents.CommandRun",
                        db_index=False,
                        on_delete=CASCADE,
                        related_name="lines",
                        help_text="The first column of what is unique",
                    ),
                ),
            ],
        ),
    ]
