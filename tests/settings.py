"""The product's settings with test keys and a fast password hasher; nothing else differs."""

import base64
import os

os.environ.setdefault("KAIZEN_SECRET_KEY", "only-for-tests-4f0c1b7e9a2d83516c-only-for-tests-5e")
os.environ.setdefault("KAIZEN_ENCRYPTION_KEYS", base64.urlsafe_b64encode(b"k" * 32).decode("ascii"))
os.environ.setdefault("KAIZEN_ENV_FILE", os.devnull)
os.environ.setdefault("KAIZEN_ALLOWED_HOSTS", "localhost,127.0.0.1,testserver")

from kaizen_site.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
AXES_ENABLED = False
SIGHTINGS_WRITER = False
# Every test client would look through all static files again.
WHITENOISE_AUTOREFRESH = True
