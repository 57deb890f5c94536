"""What a person must state before risk does what they ask."""

from django import forms
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from ops.admin.operated import ReasonForm


class LimitForm(ReasonForm):
    """The new value of a limit, and why."""

    value = forms.DecimalField(max_digits=38, decimal_places=18, widget=UnfoldAdminDecimalFieldWidget)
