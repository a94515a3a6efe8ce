"""People, projects, keys and sign-ins in the admin. Secrets cannot be read here, nor typed in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import ApiKey, Membership, Project, RefreshFamily, Scope, User
from apps.accounts.roster import roster


class MembershipInline(admin.TabularInline[Membership, Any]):
    model = Membership
    fields = ("user", "project", "role")
    autocomplete_fields = ("user", "project")
    extra = 0


@admin.register(User)
class PersonAdmin(UserAdmin[User]):
    list_display = ("username", "full_name", "roles", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "memberships__role", "memberships__project")
    search_fields = ("username", "first_name", "last_name", "email")
    inlines = (MembershipInline,)
    actions = ("sign_out_everywhere", "deactivate")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships__project")

    @admin.display(description="name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description="projects")
    def roles(self, user: User) -> str:
        return ", ".join(f"{one.project.name} ({one.role})" for one in user.memberships.all())

    @admin.action(description="Sign out everywhere")
    def sign_out_everywhere(self, request: HttpRequest, people: QuerySet[User]) -> None:
        families = RefreshFamily.objects.filter(user__in=people, revoked_at=None)
        ended = families.update(revoked_at=timezone.now())
        roster.clear()
        self.message_user(request, f"{ended} sign-ins ended.", messages.SUCCESS)

    @admin.action(description="Deactivate (refused from now on)")
    def deactivate(self, request: HttpRequest, people: QuerySet[User]) -> None:
        changed = people.exclude(username=request.user.get_username()).update(is_active=False)
        roster.clear()
        self.message_user(request, f"{changed} users deactivated.", messages.SUCCESS)


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin[Project]):
    list_display = ("name", "slug", "members_count", "created_at")
    search_fields = ("name", "slug")
    readonly_fields = ("id", "created_at")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembershipInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        return super().get_queryset(request).annotate(_members=Count("memberships"))

    @admin.display(description="members", ordering="_members")
    def members_count(self, project: Project) -> int:
        return int(getattr(project, "_members", 0))


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("usable", "Usable"), ("over", "Revoked or expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        usable = ApiKey.objects.usable().values("pk")
        if self.value() == "usable":
            return queryset.filter(pk__in=usable)
        if self.value() == "over":
            return queryset.exclude(pk__in=usable)
        return queryset


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin[ApiKey]):
    """Making a key here shows it once, in the message after saving."""

    list_display = (
        "name",
        "shown_prefix",
        "project",
        "shown_scopes",
        "usable",
        "last_used_at",
        "expires_at",
        "created_by",
    )
    list_filter = (StateFilter, "project")
    list_select_related = ("project", "created_by")
    search_fields = ("name", "prefix", "project__name")
    date_hierarchy = "created_at"
    actions = ("revoke",)
    autocomplete_fields = ("project",)
    made_here = ("project", "name", "scopes", "agent_id", "expires_at")
    readonly_fields = (
        "shown_prefix", "replaces", "created_by", "created_at", "last_used_at", "revoked_at",
    )  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return self.made_here if obj is None else (*self.made_here, *self.readonly_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        return ("project", "scopes", "agent_id", *self.readonly_fields)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "scopes":
            from django import forms

            return forms.MultipleChoiceField(choices=Scope.choices, widget=forms.CheckboxSelectMultiple)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            services.announce_key("key.changed", obj)
            return
        text = services.fill_new_key(obj, created_by_id=request.user.pk)
        super().save_model(request, obj, form, change)
        services.announce_key("key.made", obj)
        self.message_user(request, f"The key, shown this once: {text}", messages.WARNING)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False  # revoked keys stay, so that it remains known what they were

    @admin.display(description="key")
    def shown_prefix(self, key: ApiKey) -> str:
        return f"mc_{key.prefix}_…"

    @admin.display(description="scopes")
    def shown_scopes(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(boolean=True)
    def usable(self, key: ApiKey) -> bool:
        return key.is_usable

    @admin.action(description="Revoke (refused within a second)")
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        changed = services.revoke_keys(keys)
        self.message_user(request, f"{changed} keys revoked.", messages.SUCCESS)


@admin.register(RefreshFamily)
class SignInAdmin(admin.ModelAdmin[RefreshFamily]):
    list_display = ("user", "created_at", "rotated_at", "expires_at", "revoked_at", "user_agent")
    list_select_related = ("user",)
    search_fields = ("user__username", "user_agent")
    fields = ("user", "created_at", "rotated_at", "expires_at", "revoked_at", "user_agent")
    readonly_fields = fields
    actions = ("end",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description="End these sign-ins")
    def end(self, request: HttpRequest, families: QuerySet[RefreshFamily]) -> None:
        changed = families.filter(revoked_at=None).update(revoked_at=timezone.now())
        roster.clear()
        self.message_user(request, f"{changed} sign-ins ended.", messages.SUCCESS)
