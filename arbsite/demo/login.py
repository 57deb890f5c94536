"""The admin user that a person signs in with, made before anybody asks."""

from django.contrib.auth import get_user_model

from arbsite import config
from arbsite.config import Arb


def ensure_admin(arb: Arb) -> tuple[str, str]:
    """Return name and password of the admin user, made or mended so that they work."""
    name = arb.web.admin_user
    password = (arb.web.admin_password or config.generated_password(arb.state_dir, "admin_password")).reveal()
    users = get_user_model().objects
    user = users.filter(username=name).first() or users.create_superuser(username=name, password=password)
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return name, password
