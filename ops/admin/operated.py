"""Rows that a person changes through a service alone: asked before it acts, with a reason, on POST."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from domain.errors import ArbError
from ops.admin.base import ReadOnlyAdmin


class OperatedAdmin(ReadOnlyAdmin):
    """Rows that are read here and changed by services alone, by those who may change such rows."""

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Return whether this user may change these rows through a service."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def acted_on(self, request: HttpRequest, object_id: str) -> Any:
        """Return the row that a dialog was opened on. Raises: Http404 where there is none, or no longer is."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"there is no {self.opts.verbose_name} {object_id!r}: it may have gone since it was shown")
        return row

    def carry_out(self, request: HttpRequest, deed: Callable[[], str]) -> HttpResponse:
        """Do what was asked, say what came of it, and show the page again."""
        try:
            messages.success(request, deed())
        except ArbError as error:
            messages.error(request, str(error))
        listing = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return HttpResponse(headers={"HX-Redirect": listing})


class ReasonForm(BaseDialogForm):
    """Why."""

    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextInputWidget, help_text="Kept in the audit trail.")


def dialog(title: str, description: str, submit: str, form: type[BaseDialogForm] = ReasonForm) -> Any:
    """Return the dialog that asks before it acts: opening it changes nothing, only posting it does."""
    return {"title": title, "description": description, "form_class": form, "form_submit_text": submit}
