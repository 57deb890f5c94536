"""Who may move an alias: one right for promoting and rolling back alike."""

from typing import Any

from django.http import HttpRequest

from ops.admin.operated import OperatedAdmin

MAY_MOVE = "mlops.change_modelalias"


class AliasedAdmin(OperatedAdmin):
    """Pages from which aliases are moved, by services alone."""

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Return whether this user may promote and roll back."""
        return bool(request.user.has_perm(MAY_MOVE))
