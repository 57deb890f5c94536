"""The admin as a whole: its badge, its sidebar, and the pages of others in our look."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.urls import reverse
from django_celery_beat.admin import (
    ClockedScheduleAdmin,
    CrontabScheduleAdmin,
    PeriodicTaskAdmin,
    PeriodicTaskForm,
    TaskSelectWidget,
)
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from arbsite.pages.home import MAY_READ
from ops.admin.base import MODE_COLOURS

# title, app: the sidebar shows the pages of each app that this user may see
SECTIONS = (
    ("Trading", "trading"),
    ("Risk", "risk"),
    ("Models", "mlops"),
    ("Operations", "ops"),
    ("Schedule", "django_celery_beat"),
    ("Access", "auth"),
)
_ICONS = {"User": "person", "Group": "group", "PeriodicTask": "schedule", "IntervalSchedule": "timer"}


def environment_badge(request: HttpRequest) -> list[str]:
    """Return the mode and its colour: red is real money."""
    return [str(settings.ARB.scope), MODE_COLOURS[settings.ARB.scope.mode]]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar: home, then every app's pages."""
    home = {"title": "Home", "icon": "home", "link": reverse("admin:index")}
    verdict = {"title": "Would it have paid?", "icon": "gavel", "link": reverse("verdict")}
    sections = [{"title": title, "separator": True, "items": _pages(request, app)} for title, app in SECTIONS]
    first = [home, verdict] if request.user.has_perm(MAY_READ) else [home]
    return [{"items": first}, *(section for section in sections if section["items"])]


def _pages(request: HttpRequest, app_label: str) -> list[dict[str, Any]]:
    registered = sorted(admin.site._registry.items(), key=lambda item: _place(*item))
    return [
        {
            "title": str(model._meta.verbose_name_plural).capitalize(),
            "icon": getattr(page, "icon", _ICONS.get(model.__name__, "table_rows")),
            "link": reverse(f"admin:{app_label}_{model._meta.model_name}_changelist"),
        }
        for model, page in registered
        if model._meta.app_label == app_label and page.has_view_permission(request)
    ]


def _place(model: Any, page: Any) -> tuple[int, str]:
    """Order the pages by the place they ask for; the others follow by name."""
    return getattr(page, "place", 99), str(model._meta.verbose_name_plural)


class OurTaskSelectWidget(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The choice of a registered task, in our look."""


class OurPeriodicTaskForm(PeriodicTaskForm):
    """The form of a schedule's entry, in our look."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = OurTaskSelectWidget()


def _replace(model: type[Any]) -> Callable[[type[Any]], type[Any]]:
    admin.site.unregister(model)
    return admin.register(model)


@_replace(User)
class OurUserAdmin(UserAdmin, ModelAdmin):
    """Who may sign in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@_replace(Group)
class OurGroupAdmin(GroupAdmin, ModelAdmin):
    """What a group may do."""


@_replace(PeriodicTask)
class OurPeriodicTaskAdmin(PeriodicTaskAdmin, ModelAdmin):
    """What beat sends, and how often; switched off here, it stays off."""

    form = OurPeriodicTaskForm
    list_display = ("name", "enabled", "interval", "queue", "expire_seconds", "last_run_at", "total_run_count")
    list_filter = ("enabled", "queue")


@_replace(IntervalSchedule)
class OurIntervalScheduleAdmin(ModelAdmin):
    """How often."""


@_replace(CrontabSchedule)
class OurCrontabScheduleAdmin(CrontabScheduleAdmin, ModelAdmin):
    """At which times."""


@_replace(ClockedSchedule)
class OurClockedScheduleAdmin(ClockedScheduleAdmin, ModelAdmin):
    """Once, at a time."""


admin.site.unregister(SolarSchedule)  # no market opens at sunrise
