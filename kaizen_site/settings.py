"""Django settings: one file, all of it from the environment and `.env`."""

import os
from pathlib import Path

import environ

from kaizen_site.config import load_config
from kaizen_site.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(os.environ.get("KAIZEN_ENV_FILE", BASE_DIR / ".env"))
CONFIG = load_config(os.environ)

# litellm fetches a price list over the network at import unless told not to.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

SECRET_KEY = CONFIG.secret_key
DEBUG = CONFIG.debug
ALLOWED_HOSTS = list(CONFIG.allowed_hosts)
IS_HTTPS = CONFIG.base_url.startswith("https://")

INSTALLED_APPS = [
    "kaizen_site.apps.KaizenAdminConfig",
    "kaizen_site.apps.KaizenSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "axes",
    "projects_app.apps.ProjectsAppConfig",
    "llm_app.apps.LlmAppConfig",
    "tasks_app.apps.TasksAppConfig",
    "feedback_app.apps.FeedbackAppConfig",
    "prompts_app.apps.PromptsAppConfig",
    "optimization_app.apps.OptimizationAppConfig",
]

MIDDLEWARE = [
    "kaizen_site.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "kaizen_site.middleware.PolicyMiddleware",
    "kaizen_site.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "kaizen_site.middleware.AuthenticationMiddleware",
    "kaizen_site.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "kaizen_site.urls"
WSGI_APPLICATION = "kaizen_site.wsgi.application"
AUTH_USER_MODEL = "projects_app.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_VERBOSE = False
AXES_LOCKOUT_TEMPLATE = "errors/locked_out.html"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": dict(CONFIG.database)}
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CONFIG.redis_url}
        if CONFIG.redis_url
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    ),
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "local"},
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health$"]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["projects_app.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["projects_app.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["kaizen_site.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "kaizen_site.errors.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Kaizen",
    "DESCRIPTION": "Log feedback, fetch the live prompt, start and follow optimization jobs.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "DEFAULT_GENERATOR_CLASS": "kaizen_site.schema.KaizenSchemaGenerator",
}

# Deadline < timeout < retry, and retry > timeout * (1 + ceil((queue_limit + 1) / workers)) + 60,
# because django-q2 counts `retry` from the moment a message is prefetched. No `recycle` of 1: a
# worker that recycles while its cluster stops leaves a full queue, and the cluster hangs. Memory is
# no reason for it, since a job runs in a process of its own.
Q_CLUSTER = {
    "name": "kaizen",
    "orm": "default",
    "workers": 2,
    "queue_limit": 2,
    "bulk": 1,
    "poll": 0.5,
    "timeout": 120,
    "retry": 480,
    "max_attempts": 3,
    "ack_failures": False,
    "catch_up": False,
    "save_limit": 1000,
    "save_limit_per": "func",
    "recycle": 200,
    "max_rss": 1_500_000,
    "guard_cycle": 0.5,
    "compress": False,
    "label": "Background tasks",
    "ALT_CLUSTERS": {
        "long": {
            "workers": 1,
            "queue_limit": 1,
            "timeout": 2100,
            "retry": 7200,
            "max_attempts": 2,
            "scheduler": False,
        },
        "analysis": {
            "workers": 1,
            "queue_limit": 1,
            "timeout": 600,
            "retry": 2400,
            "max_attempts": 2,
            "scheduler": False,
        },
    },
}

# Which client got which version is written by a thread of the web process, beside the requests.
SIGHTINGS_WRITER = True

if CONFIG.email_url:
    globals().update(environ.Env.email_url_config(CONFIG.email_url))
DEFAULT_FROM_EMAIL = CONFIG.email_from
EMAIL_TIMEOUT = 10

LOGGING = logging_config(CONFIG.log_level)
