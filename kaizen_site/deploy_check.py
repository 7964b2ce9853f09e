"""Run Django's deployment checks against the settings of an https installation."""

import os


def main() -> None:
    os.environ["KAIZEN_BASE_URL"] = "https://kaizen.example"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("check", "--deploy", "--fail-level", "WARNING")


if __name__ == "__main__":
    main()
