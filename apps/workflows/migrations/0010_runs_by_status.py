from django.db import migrations, models
from django.db.models.deletion import CASCADE, PROTECT


class Migration(migrations.Migration):
    """Lists by status are read in their order however long the history is; and an index that is the
    beginning of another one is written for nothing, so it goes.

    The columns stay as they are: only the indexes are dropped, because SQLite would copy the table.
    """

    dependencies = [("workflows", "0009_triggers_keep_the_old_secret_for_a_while")]

    operations = [
        migrations.AddIndex(
            "run", models.Index(fields=["project", "status", "-created_at", "-id"], name="run_by_status")
        ),
        migrations.AddIndex(
            "run",
            models.Index(
                fields=["workflow", "status", "-created_at", "-id"], name="run_of_workflow_by_status"
            ),
        ),
        migrations.AddIndex(
            "run",
            models.Index(
                fields=["project", "completed_at"],
                condition=models.Q(status__in=["failed"]),
                name="run_failed",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS workflows_run_project_id_a851c742",
                    "CREATE INDEX workflows_run_project_id_a851c742 ON workflows_run (project_id)",
                ),
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS workflows_run_workflow_id_f79305db",
                    "CREATE INDEX workflows_run_workflow_id_f79305db ON workflows_run (workflow_id)",
                ),
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS workflows_step_run_id_1543a7bc",
                    "CREATE INDEX workflows_step_run_id_1543a7bc ON workflows_step (run_id)",
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    "run",
                    "project",
                    models.ForeignKey(
                        "accounts.Project", db_index=False, on_delete=CASCADE, related_name="runs"
                    ),
                ),
                migrations.AlterField(
                    "run",
                    "workflow",
                    models.ForeignKey(
                        "workflows.Workflow", db_index=False, on_delete=PROTECT, related_name="runs"
                    ),
                ),
                migrations.AlterField(
                    "step",
                    "run",
                    models.ForeignKey(
                        "workflows.Run",
                        db_index=False,
                        on_delete=CASCADE,
                        related_name="steps",
                        help_text="The first column of what is unique",
                    ),
                ),
            ],
        ),
    ]
