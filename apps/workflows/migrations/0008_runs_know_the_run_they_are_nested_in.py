from django.db import migrations, models
from django.db.models import OuterRef, Q, Subquery


def fill(apps, schema_editor):
    Run = apps.get_model("workflows", "Run")
    Step = apps.get_model("workflows", "Step")
    parent = Step.objects.filter(pk=OuterRef("origin_id")).values("run_id")[:1]
    Run.objects.filter(origin="step").update(parent_run_id=Subquery(parent))


class Migration(migrations.Migration):
    """A run that a step started names the run of that step, so that priorities and totals follow."""

    dependencies = [("workflows", "0007_errors_that_expressions_see")]

    operations = [
        migrations.AddField(
            "run",
            "parent_run_id",
            models.UUIDField(blank=True, help_text="The run whose step started it", null=True),
        ),
        migrations.AddIndex(
            "run",
            models.Index(
                condition=Q(("parent_run_id__isnull", False)),
                fields=["parent_run_id"],
                name="run_by_parent",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
