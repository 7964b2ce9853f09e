"""Feedback of every kind, a file half imported, a dataset with rows; and their pages."""

from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from feedback_app.models import Dataset
from feedback_app.services.file_imports import place_of
from prompts_app.models import PromptVersion
from tests.factories.feedback import (
    DatasetFactory,
    ExampleFactory,
    FeedbackFactory,
    FileImportFactory,
)

OPEN, HELD, AWAY, GONE = (UUID(int=number) for number in range(11, 15))
CHOSEN, CHECKED, ROWS = UUID(int=15), UUID(int=16), UUID(int=17)
HOSTILE = "<script>alert(1)</script> \u202etxet desrever\u202c " + "x" * 400
FILE = (
    b"question,label,channel,split\nWhere is my parcel?,shipping,mail,\nshort\nRefund me,billing,,"
)


def data_pages(version: PromptVersion) -> dict[str, str]:
    project = (version.task.project.slug,)
    inbox = reverse("feedback:list", args=project)
    items = {
        "one feedback": OPEN,
        "a hold-out row": HELD,
        "a dismissed row": AWAY,
        "redacted": GONE,
    }
    return {
        "feedback": inbox,
        "filtered feedback": f"{inbox}?task={version.task.slug}&low=0.2&high=0.1",
        "dismissed feedback": f"{inbox}?state=dismissed",
        **{name: reverse("feedback:item", args=(*project, one)) for name, one in items.items()},
        "columns of a file": reverse("datasets:import", args=(*project, CHOSEN)),
        "report on a file": reverse("datasets:report", args=(*project, CHECKED)),
        "a dataset with rows": reverse("datasets:dataset", args=(*project, ROWS)),
    }


def logged(version: PromptVersion) -> None:
    """Leave feedback as it comes in, and what editors did with some of it."""
    task = version.task
    for number in range(28):
        FeedbackFactory(
            task=task,
            score=(number % 11) / 10,
            comment="Took the parcel for a bill." if number % 3 else "",
            prompt_hash=version.hash,
        )
    now = timezone.now()
    FeedbackFactory(
        public_id=OPEN,
        task=task,
        inputs={"text": HOSTILE},
        comment=HOSTILE,
        score=0.1,
        thumb=False,
        corrected_output={"label": "shipping"},
        metadata={"user_id": 7},
    )
    held = FeedbackFactory(public_id=HELD, task=task)
    ExampleFactory(task=task, feedback=held, split="test")
    FeedbackFactory(public_id=AWAY, task=task, thumb=True, score=None, dismissed_at=now)
    redacted = {"inputs": {"text": "[redacted]"}, "output": {"label": "[redacted]"}}
    FeedbackFactory(public_id=GONE, task=task, dismissed_at=now, redacted_at=now, **redacted)


def imported(version: PromptVersion) -> None:
    """Leave a file whose columns are being chosen, one that was checked, and a whole dataset."""
    task = version.task
    mapping = {"inputs": {"question": "text"}, "outputs": {"label": "label"}, "split": "split"}
    problems = [[3, "has 1 cells, the header has 4"]]
    report = {"stored": 2, "failed": 1, "problems": problems, "splits": {"dev": 1}, "repeated": 1}
    for public_id, found in ((CHOSEN, {}), (CHECKED, report)):
        one = FileImportFactory(
            public_id=public_id, task=task, mapping=mapping, report=found, size=len(FILE)
        )
        place_of(one).parent.mkdir(parents=True, exist_ok=True)
        place_of(one).write_bytes(FILE)
    leakage = {
        "rows": {"dev": 9},
        "leaking": {"dev": 1},
        "examples": [["a", "b", "where is the parcel that you said would come"]],
    }
    dataset = DatasetFactory(
        public_id=ROWS,
        task=task,
        name="Letters of March",
        frozen=True,
        report={"stored": 31, "failed": 1, "problems": problems, "leakage": leakage},
    )
    _rows(dataset)


def _rows(dataset: Dataset) -> None:
    for number in range(30):
        ExampleFactory(
            task=dataset.task,
            dataset=dataset,
            inputs={"text": f"A letter about parcel {number // 2}"},
            split=("train", "dev", "test")[number % 3],
            group=f"group {number // 2}",
            metadata={"channel": "mail"},
        )
    ExampleFactory(task=dataset.task, dataset=dataset, inputs={"text": HOSTILE}, split="")
