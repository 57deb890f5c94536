"""Settings: safe by default, and derived from the one tree."""

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
