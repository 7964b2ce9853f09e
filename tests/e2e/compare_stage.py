"""What the compare page shows beside the figures: rows that a job fixed and broke, and why."""

from typing import Any

from kaizen_engine.states import Verdict
from optimization_app.models import Job
from prompts_app.models import PromptVersion
from prompts_app.services.change_notes import change_note_write
from tests.factories.feedback import ExampleFactory
from tests.factories.optimization import EvaluationRowFactory, JobFactory

ROWS = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0))


def measured_facts(job: str) -> dict[str, Any]:
    """Return what a job adds to the figures of its evidence."""
    return {
        "job": job,
        "fixed": ["one row"],
        "broken": ["another row"],
        "guards": {
            "call": {"rows": 48, "cost_usd": [0.0011, 0.0013], "latency_ms": [820.0, 640.0]},
            "segments": [],
            "protected": {"examples": [], "broken": []},
        },
        "search": {
            "proposed": 6,
            "dropped": {},
            "diagnoses": [{"cluster": "parcels", "failures": 4, "text": "Taken for bills."}],
        },
    }


def compared_rows(version: PromptVersion) -> Job:
    """Make the job that the version's evidence names, with a row of every kind."""
    job = JobFactory(
        public_id=version.evidence["job"],
        seed_version=version.parents.get(),
        result_version=version,
        succeeded=True,
        verdict=Verdict.CONFIRMED.value,
        result={"evidence": version.evidence},
    )
    for number, (before, after) in enumerate(ROWS):
        row = ExampleFactory(task=version.task, inputs={"text": f"message {number} to compare"})
        why = {"judge": "It names the wrong desk." if after < 1 else "It names the desk."}
        EvaluationRowFactory(job=job, example=row, label="baseline_dev", score=before)
        EvaluationRowFactory(job=job, example=row, label="winner_dev", score=after, reasons=why)
    change_note_write(version=version, text="Asks for the label alone.", writer="demo/analyst")
    return job
