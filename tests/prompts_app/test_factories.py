import pytest

from kaizen_engine.prompts.artifact import PromptArtifact
from tests.factories import prompts

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "make",
    [
        prompts.PromptVersionFactory,
        prompts.TagFactory,
        prompts.ProjectRevisionFactory,
        prompts.GateResultFactory,
    ],
)
def test_every_factory_makes_a_valid_object(make):
    make().full_clean()


def test_versions_of_a_task_are_numbered_and_differ():
    first = prompts.PromptVersionFactory()
    second = prompts.PromptVersionFactory(task=first.task, proven=first, parents=[first])
    assert (first.number, second.number) == (1, 2)
    assert second.hash == PromptArtifact.from_dict(second.artifact).hash != first.hash
    assert second.evidence["artifact_hash"] == second.hash
    assert list(second.parents.all()) == [first]


def test_a_tag_points_at_a_version_of_its_own_task():
    tag = prompts.TagFactory()
    assert tag.task == tag.version.task
