"""Command runs that were accepted before workflows could be paused learn which one is theirs."""

from django.db import migrations


def fill(apps, schema_editor):
    Run = apps.get_model("workflows", "Run")
    CommandRun = apps.get_model("agents", "CommandRun")
    over = ["completed", "failed", "cancelled"]
    for run_id, workflow_id in Run.objects.exclude(status__in=over).values_list("id", "workflow_id"):
        live = CommandRun.objects.filter(run_id=run_id, status__in=["queued", "dispatched", "running"])
        live.update(workflow_id=workflow_id)


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0002_holds"),
        ("workflows", "0002_control_and_approvals"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
