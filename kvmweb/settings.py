"""Django settings. What an installation may choose is in `config.py`; everything else is decided here."""

from __future__ import annotations

import sqlite3
import sys
from typing import Any
from urllib.parse import unquote

from csp.constants import NONE, SELF

from kvmweb import config, secretfiles

KVMWEB = config.load()
BASE_DIR = config.BASE_DIR

SECRET_KEY = secretfiles.secret_key(KVMWEB.data_dir)
DEBUG = KVMWEB.debug
ALLOWED_HOSTS = list(KVMWEB.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(KVMWEB.trusted_origins)

INSTALLED_APPS = [
    "kvmweb.apps.KvmwebConfig",
    "kvmweb.accounts",
    "kvmweb.journal",
    "kvmweb.ui",
    "kvmweb.health",
    "hosts",
    "migrations_app",
    "approvals",
    "portal",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "kvmweb.apps.KvmwebStaticFilesConfig",
    "channels",
    "django_q",
    "django_htmx",
    "allauth",
    "allauth.account",
    "rules",
    "ninja",
    "csp",
    "django_filters",
    "django_tables2",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "kvmweb.web.problems.problem_middleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "kvmweb.accounts.middleware.LoginRequiredMiddleware",
]

ROOT_URLCONF = "kvmweb.urls"
ASGI_APPLICATION = "kvmweb.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "kvmweb.ui.isolation.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "kvmweb.accounts.context.who",
            ],
        },
    }
]


def _database() -> dict[str, Any]:
    if KVMWEB.database_url is None:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": secretfiles.private_database(KVMWEB.data_dir / "kvmweb.sqlite3"),
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                # FULL: with NORMAL a power loss may take the write-ahead record of a running migration with it
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;",
            },
            "TEST": {"NAME": KVMWEB.data_dir / "test.sqlite3"},
        }
    url = KVMWEB.database_url
    host = url.hosts()[0]
    query = dict(url.query_params())
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": (url.path or "/kvmweb").lstrip("/"),
        "USER": unquote(host["username"] or ""),
        "PASSWORD": unquote(host["password"] or ""),
        "HOST": query.get("host") or host["host"] or "",
        "PORT": str(host["port"] or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {name: value for name, value in query.items() if name in config.DATABASE_OPTIONS},
    }


DATABASES = {"default": _database()}
if "pytest" in sys.modules and sqlite3.threadsafety != 3:  # pragma: no cover
    raise SystemExit("sqlite3 was built without thread safety")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people -----------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    # instead of allauth's: the login page gives an inactive user the same error as an unknown one
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
ACCOUNT_ADAPTER = "kvmweb.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip"}  # wrong passwords are counted by kvmweb/accounts/throttle.py
SESSION_COOKIE_AGE = KVMWEB.session_hours * 3600  # the limits themselves: kvmweb/accounts/sessions.py
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = KVMWEB.https
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "kvmweb.web.errors.csrf_failed"

# --- mail -------------------------------------------------------------------------------------------------------
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = KVMWEB.email_server or ""  # nothing is sent then, see portal/usecases/tell.py
EMAIL_PORT = KVMWEB.email_port
EMAIL_HOST_USER = KVMWEB.email_user or ""
EMAIL_HOST_PASSWORD = KVMWEB.email_password.get_secret_value() if KVMWEB.email_password else ""
EMAIL_USE_TLS = KVMWEB.email_tls == "starttls"
EMAIL_USE_SSL = KVMWEB.email_tls == "tls"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = KVMWEB.email_from or ""

# --- browsers ---------------------------------------------------------------------------------------------------
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576  # the largest is a definition of 256 KiB, escaped as JSON
if KVMWEB.https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # supervisors ask without the proxy; a token that was sent in clear is refused (kvmweb/web/problems.py)
    SECURE_REDIRECT_EXEMPT = ["^healthz$", "^api/"]
    SECURE_HSTS_SECONDS = 31_536_000
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
STATIC_URL = "/static/"
STATIC_ROOT = KVMWEB.data_dir / "static"  # made by `serve`, anew at each start
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}
SERVESTATIC_KEEP_ONLY_HASHED_FILES = True
SERVESTATIC_USE_BROTLI = False  # browsers ask for it over HTTPS only, and it would make each start seconds longer
DJANGO_TABLES2_TEMPLATE = "tables/table.html"

# --- time, language ---------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# --- real time, background work -----------------------------------------------------------------------------------
# In memory on purpose: workers write to the journal table, and each web process follows it (docs/architecture.md).
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        # counters of login attempts: with Django's limit of 300 anybody could push out counters by trying many names
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
Q_CLUSTER: dict[str, Any] = {
    "name": "kvmweb",
    "orm": "default",
    "workers": 3,
    "poll": KVMWEB.queue_poll_seconds,
    "bulk": 1,
    "queue_limit": 1,
    "timeout": 120,
    "retry": 300,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "scheduler": False,
    "save_limit": 200,
    "guard_cycle": 0.5,
    # a worker ends after so many tasks (one every 10 s is a canary) and is forked again, as small as the first one was
    "recycle": 20,
    "ALT_CLUSTERS": {
        "migrations": {
            # two more than may run at the same time: adoption needs a worker while all slots are taken
            "workers": KVMWEB.max_migrations + 2,
            "timeout": KVMWEB.queue_timeout_seconds,
            "retry": KVMWEB.queue_retry_seconds,
        }
    },
}

#: called by the watcher about once a second
KVMWEB_WATCH_HOOKS = [
    "migrations_app.worker.reconcile.tick",
    "migrations_app.worker.delete_copy.tick",
    "approvals.worker.expire.tick",
    "migrations_app.usecases.keep_preflights.sweep",
    "migrations_app.usecases.forget_guests.sweep",
    "portal.worker.tick.tick",
    "portal.worker.mail.tick",
    "kvmweb.journal.sweep.hook",
    "kvmweb.queue.sweep",
    "kvmweb.serve.pulse.watcher",
]

#: the functions that fill places in pages of other apps, in the order of the page (kvmweb/ui/inserts.py)
KVMWEB_INSERTS = {
    "alarms": ["migrations_app.pages.inserts.alarms", "hosts.inserts.alarms", "approvals.pages.inserts.alarms"],
    "rail": ["approvals.pages.inserts.rail"],
    "break_glass": ["approvals.pages.inserts.break_glass"],
    "topbar": ["migrations_app.pages.inserts.running"],
    "groups": ["hosts.inserts.groups"],
    "lists": ["migrations_app.pages.inserts.lists"],
    "guest_now": ["migrations_app.pages.inserts.guest_now"],
    "guest": ["portal.pages.inserts.guest"],
    "host": ["migrations_app.pages.inserts.host_policy"],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "kvmweb.logs.OneLineFormatter"}},
    "filters": {"meant": {"()": "kvmweb.logs.Meant"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["meant"]}},
    "root": {"handlers": ["stderr"], "level": KVMWEB.log_level},
    "loggers": {"django-q": {"level": "WARNING"}},  # every task, also every canary, would be a line
}
