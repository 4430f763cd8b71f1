"""Django's settings, from FAIRWATCH_DATA_DIR and the collector.toml in it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from server import config as _config
from server import languages

DATA_DIR = Path(os.environ.get("FAIRWATCH_DATA_DIR", "/var/lib/fairwatch-collector"))
CONFIG = _config.load(DATA_DIR)
RULES_DIR = DATA_DIR / "rules"
_HERE = Path(__file__).parent


def _secret_key() -> str:
    """The key that `init` made, or one for this process only: sessions then end with it, nothing is guessable."""
    try:
        return (DATA_DIR / "keys" / "django").read_text(encoding="ascii").strip()
    except OSError:
        return secrets.token_urlsafe(48)


SECRET_KEY = _secret_key()
DEBUG = False
ALLOWED_HOSTS = CONFIG.allowed_hosts
ROOT_URLCONF = "server.urls"
WSGI_APPLICATION = "server.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "server.apps.Collector",
    "server.store",
]
MIDDLEWARE = [
    "server.headers.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "server.headers.OrganisationZone",
    "server.web.second_factor.SecondFactorFirst",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_HERE / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "server.web.context.frame",
            ],
            "libraries": {"fairwatch": "server.web.template_filters"},
        },
    }
]
STATIC_URL = "/static/"
STATIC_DIR = _HERE / "web" / "static"

# Times are stored and computed in UTC; `server.headers.OrganisationZone` shows them in the organisation's zone.
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = True
LOCALE_PATHS = [_HERE / "locale"]
LANGUAGES = languages.offered(LOCALE_PATHS[0])


def _database() -> dict[str, Any]:
    wanted = CONFIG.database
    if wanted.engine == "postgresql":
        return {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": wanted.host,
            "PORT": wanted.port,
            "NAME": wanted.name,
            "USER": wanted.user,
            "PASSWORD": wanted.password,
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"connect_timeout": 5, "target_session_attrs": "read-write"},
        }
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(DATA_DIR / "collector.sqlite3"),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; "
                # What is deleted is overwritten with zeros, not only forgotten: a copied file must not hold it.
                "PRAGMA secure_delete=ON;"
            ),
        },
        # A file, so that threads and a live server in tests meet the same locks as in use.
        "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")},
    }


DATABASES = {"default": _database()}

# What rate limits count is in the database: the same for all processes, and still there after a restart.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "store_cache",
        # Room for what a flood from many addresses leaves in an hour; beyond it, what has expired goes first.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# Sign-in: e-mail or user name with a password, a passkey, or the organisation's single sign-on; and a second factor.
# Nobody signs up: IT adds people with `fairwatch-server user` or on the page Accounts.
AUTH_USER_MODEL = "store.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_ADAPTER = "server.accounts.NoSignUp"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# A stranger's address gets no mail, so that the form can't be used to write to anybody.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_PREVENT_ENUMERATION = True
# `key` is the account together with the address (see `server.accounts`): whoever fails on purpose locks out nobody but
# themselves. `elsewhere` is the account alone, and counts only from addresses where its person never signed in.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "login_failed_elsewhere": "50/h/key",
    "reset_password": "10/m/ip,3/h/key",
    "reset_password_from_key": "20/m/ip",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    # A room of forty new people behind one address, three requests each; the secret itself can't be guessed.
    "invitation": "120/m/ip",
    "phone_link": "120/m/ip",
    "single_sign_on": "30/m/ip",
}
# A mailbox is often open on a screen: an hour is enough to read a mail and too short for a forgotten one.
PASSWORD_RESET_TIMEOUT = 60 * 60
SECOND_FACTOR_ROLES = CONFIG.sign_in.second_factor
SINGLE_SIGN_ON = CONFIG.sign_in.oidc
MFA_ADAPTER = "server.second_factor.Adapter"
MFA_FORMS = {
    "authenticate": "server.web.factor_forms.SignInCode",
    "reauthenticate": "server.web.factor_forms.AgainCode",
    "login_webauthn": "server.web.factor_forms.SignInPasskey",
    "authenticate_webauthn": "server.web.factor_forms.SecondPasskey",
    "reauthenticate_webauthn": "server.web.factor_forms.AgainPasskey",
    "add_webauthn": "server.web.factor_forms.NewPasskey",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
# A passkey always asks for the finger, face or PIN: it stands for both factors.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
# Clocks of phones run some seconds off: one step of 30 s either way.
MFA_TOTP_TOLERANCE = 1
MFA_TOTP_ISSUER = "Fairwatch"
SOCIALACCOUNT_ADAPTER = "server.single_sign_on.Adapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
LOGIN_URL = "/account/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/account/login/"
# Without [mail] in collector.toml, mails are files in the data folder.
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if CONFIG.mail.host else 'filebased'}.EmailBackend"
EMAIL_FILE_PATH = str(DATA_DIR / "mails")
EMAIL_HOST, EMAIL_PORT = CONFIG.mail.host, CONFIG.mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = CONFIG.mail.user, CONFIG.mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = CONFIG.mail.security == "starttls", CONFIG.mail.security == "ssl"
EMAIL_TIMEOUT = 10  # each step of talking to the mail server; the urgent path can't wait for one that hangs
DEFAULT_FROM_EMAIL = CONFIG.mail.sender or f"fairwatch@{CONFIG.allowed_hosts[0]}"

# Sessions end after a working day or with the browser; a stolen cookie must not last.
SESSION_COOKIE_AGE = 10 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
# The prefix makes browsers refuse a cookie of this name that another host of the domain, or plain HTTP, would plant.
_COOKIE_PREFIX = "__Host-" if CONFIG.tls else ""
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}fairwatch"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CONFIG.tls
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}fairwatch-form"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = CONFIG.tls
CSRF_COOKIE_SAMESITE = "Strict"
# Messages wait in the session: a cookie of their own would be one more thing that a browser keeps.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_TRUSTED_ORIGINS = [CONFIG.url.rstrip("/")]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if CONFIG.tls else 0
if CONFIG.behind_proxy:
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
    # Only for a proxy that always sets this header itself; otherwise anybody could claim TLS.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# Only our own events are written, and they hold names of events and ids. Django's loggers would write paths.
_LOG_FILE = DATA_DIR / "logs" / "collector.log"
LOGGING_CONFIG = "server.log.configure"
LOGGING: dict[str, Any] = {"file": str(_LOG_FILE) if _LOG_FILE.parent.is_dir() else None}
