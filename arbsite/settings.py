"""Django's settings, all of them derived from the one typed tree ``settings.ARB``."""

from django.templatetags.static import static

from arbsite import config
from arbsite.logs import logging_config

ARB = config.current()
config.keep_caches_in(ARB.state_dir)
config.keep_libraries_quiet()

SECRET_KEY = ARB.web.secret_key.reveal()
DEBUG = ARB.web.is_debug
ALLOWED_HOSTS = [*ARB.web.allowed_hosts, *ARB.web.internal_hosts]
ROOT_URLCONF = "arbsite.urls"
WSGI_APPLICATION = "arbsite.wsgi.application"

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "ops",
    "risk",
    "mlops",
    "trading",
    "arbsite",
]

MIDDLEWARE = [
    "arbsite.middleware.correlation",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ARB.checkout / "arbsite" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# The engine stays Django's own: django-timescaledb's drops the primary key of every hypertable.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": ARB.database.host,
        "PORT": ARB.database.port or "",
        "NAME": ARB.database.name,
        "USER": ARB.database.user,
        "PASSWORD": ARB.database.password.reveal(),
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 3, "application_name": f"arbsite-{ARB.scope.mode}", **ARB.database.options},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-us"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # files are served from where they lie: nothing to collect

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# The embedded web process speaks plain HTTP on loopback; cookies are bound to TLS wherever it is reached otherwise.
IS_LOOPBACK = set(ARB.web.allowed_hosts) <= {"127.0.0.1", "localhost", "[::1]"}
SESSION_COOKIE_AGE = 30 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not (DEBUG or IS_LOOPBACK)
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SECURE_SSL_REDIRECT = not (DEBUG or IS_LOOPBACK)
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$", r"^hooks/"]  # asked by our own machines, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 0 if DEBUG or IS_LOOPBACK else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
X_FRAME_OPTIONS = "DENY"
# What check --deploy misses on loopback is TLS: pages that never leave this machine have none to be bound to. With a
# host name of its own in ARB_ALLOWED_HOSTS the admin stands behind a proxy that ends TLS, and nothing is silenced.
_NEEDS_TLS = ["security.W004", "security.W008", "security.W012", "security.W016"]
SILENCED_SYSTEM_CHECKS = _NEEDS_TLS if IS_LOOPBACK else []

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_config(ARB)

# Celery's settings stand in arbsite/celery.py, beside the queues that they are about.
DJANGO_CELERY_BEAT_TZ_AWARE = True

UNFOLD = {
    "SITE_TITLE": "arbsite",
    "SITE_HEADER": "arbsite",
    "SITE_SUBHEADER": "cross-venue arbitrage",
    "SITE_SYMBOL": "swap_horiz",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("arbsite/icon.svg")}],
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "arbsite.admin.environment_badge",
    "DASHBOARD_CALLBACK": "arbsite.pages.home.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "arbsite.admin.sidebar"},
}
