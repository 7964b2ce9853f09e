"""`make demo`: choose ports, say so in the environment, and only then wake Django."""

import argparse
import os
import signal
import sys
from pathlib import Path

from kaizen_site.demo.stack import DemoFailed, free_port, only_one


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the table of evidence")
    parser.add_argument("--folder", type=Path, default=Path(".demo"))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with only_one(options.folder / "lock"):
            run(options.folder.absolute(), once=options.once)
    except DemoFailed as error:
        sys.exit(f"the demo stopped: {error}")
    except KeyboardInterrupt:
        sys.exit("the demo was interrupted before its end")


def run(folder: Path, *, once: bool) -> None:
    web, model = free_port(8000), free_port()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "kaizen_site.settings",
        "KAIZEN_DATA_DIR": str(folder),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "KAIZEN_BASE_URL": f"http://127.0.0.1:{web}",
        "KAIZEN_ALLOW_PRIVATE_TARGETS": f"127.0.0.1:{model}",
        "KAIZEN_LOG_LEVEL": "WARNING",
    }
    import django

    django.setup()
    from kaizen_site.demo.loop import Loop

    Loop(folder, web=web, model=model).run(once=once)


if __name__ == "__main__":
    main()
