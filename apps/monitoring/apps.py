from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "apps.monitoring"
    label = "monitoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.monitoring import alerts
        from apps.monitoring.webhooks import outbox

        alerts.subscribe()
        outbox.subscribe()
