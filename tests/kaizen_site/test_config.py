"""Typed configuration: every mistake at once, and nothing started with one."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured

from kaizen_site.config import SETTINGS, load_config

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
VALID = {"KAIZEN_SECRET_KEY": "s" * 64, "KAIZEN_ENCRYPTION_KEYS": KEY}


def complaints(**environment: str) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        load_config(VALID | environment)
    return str(caught.value)


def test_the_two_keys_are_all_that_must_be_given():
    config = load_config(VALID)
    assert config.lease_s == 90.0
    assert (config.breaker_failures, config.breaker_reset_s) == (3, 300.0)
    assert config.allow_private_targets == ()
    assert not config.debug


def test_every_mistake_is_listed_at_once():
    told = complaints(
        KAIZEN_SECRET_KEY="short",
        KAIZEN_ENCRYPTION_KEYS="",
        KAIZEN_DEBUG="yes",
        KAIZEN_LEASE_S="-1",
        KAIZEN_LOG_LEVEL="LOUD",
        DATABASE_URL="mysql://localhost/kaizen",
    )
    lines = [line for line in told.splitlines() if line.startswith("  - ")]
    assert [line.split(":")[0].removeprefix("  - ") for line in lines] == [
        "KAIZEN_SECRET_KEY",
        "KAIZEN_ENCRYPTION_KEYS",
        "KAIZEN_DEBUG",
        "KAIZEN_LOG_LEVEL",
        "KAIZEN_LEASE_S",
        "DATABASE_URL",
    ]


def test_nothing_given_names_both_keys_and_how_to_make_them():
    with pytest.raises(ImproperlyConfigured, match="make setup") as caught:
        load_config({})
    assert "KAIZEN_SECRET_KEY" in str(caught.value)
    assert "KAIZEN_ENCRYPTION_KEYS" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("KAIZEN_DEBUG", "true"),
        ("KAIZEN_DEBUG", "1"),
        ("KAIZEN_EMAIL_URL", "http://mail.example.com"),
        ("KAIZEN_EMAIL_FROM", "nobody"),
        ("KAIZEN_SQLITE_SYNCHRONOUS", "OFF"),
        ("KAIZEN_LEASE_S", "0.5"),
        ("KAIZEN_LEASE_S", "nan"),
        ("KAIZEN_LEASE_S", "soon"),
        ("KAIZEN_REAPER_PERIOD_S", "0"),
        ("KAIZEN_REAPER_PERIOD_S", "1.5"),
        ("KAIZEN_BREAKER_FAILURES", "0"),
        ("KAIZEN_BREAKER_RESET_S", "-1"),
        ("KAIZEN_CALL_TIMEOUT_S", "inf"),
        ("KAIZEN_JOB_THREADS", "65"),
        ("KAIZEN_ADMIN_PATH", "/admin/"),
        ("KAIZEN_ENCRYPTION_KEYS", "not base64 at all"),
        ("KAIZEN_ENCRYPTION_KEYS", base64.urlsafe_b64encode(b"short").decode()),
        ("KAIZEN_ENCRYPTION_KEYS", f"{KEY},{base64.urlsafe_b64encode(b'x' * 16).decode()}"),
        ("KAIZEN_SECRET_KEY_FILE", "/nowhere/at/all"),
    ],
)
def test_a_value_out_of_range_is_named(name, bad):
    assert name.removesuffix("_FILE") in complaints(**{name: bad})


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("KAIZEN_LEASE_S", "1"),
        ("KAIZEN_LEASE_S", "3600"),
        ("KAIZEN_BREAKER_RESET_S", "0"),
        ("KAIZEN_CALL_TIMEOUT_S", "0.1"),
        ("KAIZEN_JOB_THREADS", "64"),
    ],
)
def test_the_ends_of_a_range_belong_to_it(name, good):
    config = load_config(VALID | {name: good})
    assert getattr(config, name.removeprefix("KAIZEN_").lower()) == float(good)


def test_lists_are_split_at_commas_and_trimmed():
    config = load_config(VALID | {"KAIZEN_ALLOW_PRIVATE_TARGETS": "a:1, b:2,,"})
    assert config.allow_private_targets == ("a:1", "b:2")


def test_several_encryption_keys_keep_their_order():
    other = base64.urlsafe_b64encode(b"o" * 32).decode()
    config = load_config(VALID | {"KAIZEN_ENCRYPTION_KEYS": f"{other},{KEY}"})
    assert config.encryption_keys == (other, KEY)


def test_a_file_may_hold_the_value(tmp_path):
    file = tmp_path / "secret"
    file.write_text("f" * 64 + "\n", encoding="utf-8")
    config = load_config(VALID | {"KAIZEN_SECRET_KEY_FILE": str(file)})
    assert config.secret_key == "f" * 64


def test_sqlite_gets_the_measured_options_and_postgres_lasting_connections(tmp_path):
    sqlite = load_config(VALID | {"KAIZEN_DATA_DIR": str(tmp_path)}).database
    assert sqlite["NAME"] == str(tmp_path / "kaizen.sqlite3")
    assert sqlite["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in sqlite["OPTIONS"]["init_command"]
    postgres = load_config(VALID | {"DATABASE_URL": "postgres://me:pw@db:5432/kaizen"}).database
    assert (postgres["HOST"], postgres["CONN_MAX_AGE"]) == ("db", 600)


def test_a_complaint_never_repeats_a_secret(tmp_path):
    assert "hunter2" not in complaints(
        KAIZEN_SECRET_KEY="hunter2",
        KAIZEN_ENCRYPTION_KEYS="hunter2",
        DATABASE_URL="x://u:hunter2@h",
    )


def test_the_configuration_shows_no_secret_when_printed():
    text = repr(
        load_config(
            VALID
            | {
                "DATABASE_URL": "postgres://me:hunter2@db/kaizen",
                "REDIS_URL": "redis://:hunter2@cache",
            }
        )
    )
    assert "hunter2" not in text
    assert VALID["KAIZEN_SECRET_KEY"] not in text
    assert KEY not in text


def test_every_setting_has_its_field_its_meaning_and_our_prefix():
    config = load_config(VALID)
    for setting in SETTINGS:
        assert setting.name.startswith("KAIZEN_")
        assert setting.meaning
        assert hasattr(config, setting.name.removeprefix("KAIZEN_").lower())
