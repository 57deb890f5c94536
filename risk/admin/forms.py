"""What a person must state before risk does what they ask."""

from typing import Any

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget


class ReasonForm(BaseDialogForm):
    """Why."""

    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextInputWidget, help_text="Kept in the audit trail.")


class LimitForm(ReasonForm):
    """The new value of a limit, and why."""

    value = forms.DecimalField(max_digits=38, decimal_places=18, widget=UnfoldAdminDecimalFieldWidget)


def dialog(title: str, description: str, submit: str, form: type[BaseDialogForm] = ReasonForm) -> Any:
    """Return the dialog that asks before it acts: opening it changes nothing, only posting it does."""
    return {"title": title, "description": description, "form_class": form, "form_submit_text": submit}
