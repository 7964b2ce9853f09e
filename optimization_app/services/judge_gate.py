"""What a job may say on its judge's word: frozen with its rows, and told as a gate."""

from collections.abc import Mapping
from typing import Any

from kaizen_engine.evaluate.spec import Spec
from optimization_app.passports import passport_state
from prompts_app.gates import Check, Gate, check_that, not_applicable
from tasks_app.models import Task


def judge_facts(task: Task, evaluator: Spec) -> dict[str, Any] | None:
    """Return where the judge stands now, as plain JSON; None where no judge scores."""
    now = passport_state(task, evaluator)
    if now.judge is None:
        return None
    own = now.passport if now.passport and now.passport.judge_hash == now.judge.hash else None
    return {
        "hash": now.judge.hash,
        "model": now.judge.model,
        "state": now.state.value,
        "words": now.words,
        "may_confirm": now.may_confirm,
        "passport": str(own.public_id) if own else None,
        "labels": own.labels if own else 0,
        "kappa_low": own.kappa_low if own else None,
        "floor": task.judge_floor,
    }


def may_confirm(facts: Mapping[str, Any] | None) -> bool:
    return facts is None or bool(facts["may_confirm"])


def judge_check(facts: Mapping[str, Any] | None) -> Check:
    if facts is None:
        return not_applicable(Gate.JUDGE, "No judge scored it.")
    figure = {name: facts[name] for name in ("state", "labels", "kappa_low", "floor", "passport")}
    return check_that(Gate.JUDGE, may_confirm(facts), facts["words"], facts["words"], **figure)
