from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "apps.agents"
    label = "agents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.accounts import house
        from apps.agents import checks, wakeups  # noqa: F401  (registers itself)
        from apps.agents.keyholders import Keyholders
        from apps.events import layer

        house.move_in(Keyholders())
        layer.on_ring(wakeups.heard)
