"""The admin site: Mission Control's name and front page over Django's admin."""

from django.contrib.admin import AdminSite


class MissionControlAdminSite(AdminSite):
    site_header = "Mission Control"
    site_title = "Mission Control"
    index_title = "Administration"
