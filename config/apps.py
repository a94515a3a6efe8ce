from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The management commands and system checks that know the whole house."""

    name = "config"
    label = "config"
    verbose_name = "Mission Control"

    def ready(self) -> None:
        from config import celery, checks, transport  # noqa: F401  (registers the checks, makes Celery's app)

        transport.install()
