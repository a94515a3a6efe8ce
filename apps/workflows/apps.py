from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "apps.workflows"
    label = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.workflows import engine, limits, questions, telemetry

        engine.subscribe()
        limits.subscribe()
        questions.subscribe()
        telemetry.subscribe()
