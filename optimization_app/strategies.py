"""Whether this machine can run the strategies that tasks ask for."""

from kaizen_engine.optimize.strategy import STRATEGIES, missing_packages
from tasks_app.models import Task


def strategy_warnings() -> list[str]:
    """Return a sentence for each strategy that tasks ask for and that lacks a package here."""
    warnings = []
    for name in sorted(STRATEGIES):
        missing = missing_packages(name)
        if not missing:
            continue
        tasks = Task.objects.filter(optimizer=name, archived_at=None).count()
        if tasks:
            warnings.append(
                f"{tasks} task(s) ask for {name}, which needs {', '.join(missing)}: their jobs "
                "will fail on this machine until requirements/worker.lock is installed."
            )
    return warnings
