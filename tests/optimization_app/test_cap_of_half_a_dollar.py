"""The promise in money: $0.50, answers of any length at a price by tokens, sixteen threads."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.optimization_app.theatre import Theatre
from tests.servers.scripted_openai import ScriptedServer, thinking

CAP = Decimal("0.50")

pytestmark = pytest.mark.slow


@pytest.fixture
def theatre(tmp_path) -> Iterator[Theatre]:
    with (
        ScriptedServer(latency_s=0.01) as server,
        Theatre.open(
            tmp_path / "kaizen", "sqlite", server, KAIZEN_JOB_THREADS="16", KAIZEN_LEASE_S="20"
        ) as theatre,
    ):
        server.policy = thinking()
        yield theatre


def test_half_a_dollar_is_never_passed_and_the_best_so_far_is_drafted(theatre: Theatre) -> None:
    theatre.stage(
        "from llm_app.models import ModelPrice\n"
        "ModelPrice.objects.update(input_usd_per_mtok=3, output_usd_per_mtok=6)"
    )
    job_id = theatre.stage(
        "job = stage.start(num_trials=12, num_fewshot_examples=6, budget_usd='50')\n"
        "from optimization_app.models import Job\n"
        f"Job.objects.filter(pk=job).update(budget_usd='{CAP}')\n"
        "result = job"
    )
    fence = theatre.stage(
        "from optimization_app.services.lease import job_claim\n"
        f"result = job_claim({job_id}, 'test').fence"
    )
    theatre.finish(theatre.work_on(job_id, fence))
    found = theatre.facts(job_id)
    assert CAP * 8 / 10 < Decimal(found["ledger_usd"]) <= CAP
    assert (found["state"], found["stop_reason"]) == ("succeeded", "budget_usd")
    assert Decimal(found["spent_usd"]) == Decimal(found["ledger_usd"])
    assert found["drafts"] == 1
    assert found["verdict"] in ("likely", "better_on_reported", "not_enough_evidence")
    told = theatre.stage(
        "from optimization_app.models import BudgetEvent\n"
        "result = list(BudgetEvent.objects.values_list('percent', flat=True))"
    )
    assert told == [50, 80]
