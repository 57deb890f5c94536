"""Settings: safe by default, and derived from the one tree."""

import re

from django.conf import settings


def test_sessions_are_short_and_cookies_are_not_shared():
    assert settings.SESSION_COOKIE_AGE <= 30 * 60
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.SESSION_COOKIE_SAMESITE == "Strict"
    assert settings.CSRF_COOKIE_SAMESITE == "Strict"


def test_the_database_is_that_of_the_mode_on_djangos_own_engine():
    database = settings.DATABASES["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert settings.ARB.database.name == f"{settings.ARB.database.base_name}_sim"
    assert database["OPTIONS"]["connect_timeout"] <= 5
    assert database["OPTIONS"]["application_name"] == "arbsite-sim"


def test_time_is_utc_and_debug_is_off():
    assert (settings.TIME_ZONE, settings.USE_TZ, settings.DEBUG) == ("UTC", True, False)


def test_our_own_machines_ask_without_tls_and_nobody_else_does():
    for path in ("healthz", "readyz", "metrics", "hooks/grafana"):
        assert any(re.match(pattern, path) for pattern in settings.SECURE_REDIRECT_EXEMPT)
    for path in ("admin/", "admin/hooks/", "healthz/x"):
        assert not any(re.match(pattern, path) for pattern in settings.SECURE_REDIRECT_EXEMPT)


def test_what_is_silenced_is_what_needs_tls_and_only_on_loopback():
    assert settings.IS_LOOPBACK
    assert settings.SILENCED_SYSTEM_CHECKS == ["security.W004", "security.W008", "security.W012", "security.W016"]
