"""Makes Mission Control's admin site the default one."""

from django.contrib.admin.apps import AdminConfig


class MissionControlAdminConfig(AdminConfig):
    default_site = "config.admin.MissionControlAdminSite"
