"""Prompts written on a page or taken from a file, and the code that uses them."""

import shlex

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from kaizen_engine.prompts.artifact import InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.prompt_yml import PromptFile, write_prompt_file
from kaizen_engine.prompts.schema import inputs_from_schema, outputs_from_schema
from prompts_app.models import PromptVersion
from prompts_app.prompt_files import file_of
from prompts_app.selectors import live_version
from prompts_app.snippets import snippets_of
from tasks_app.models import Task
from tests.factories.llm import ConnectionFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db

RICH = PromptArtifact(
    system="Sort it.",
    user_template="{{text}} {{photo}} {{facts}}",
    inputs=(
        InputField("text", description="what they wrote"),
        InputField("photo", "image_url"),
        InputField("facts", "json"),
    ),
    outputs=(
        OutputField("desk", enum=("billing", "shipping"), description="whose it is"),
        OutputField("urgent", "boolean"),
        OutputField("rank", "integer", enum=("1", "2")),
        OutputField("why", "array", schema={"type": "array", "items": {"type": "string"}}),
    ),
    model="own/large",
)


def new(client, **fields):
    return client.post(reverse("prompts:new", args=["support"]), fields)


def put(client, content, **fields):
    file = SimpleUploadedFile("a.prompt.yml", content)
    return client.post(reverse("prompts:import", args=["support"]), {"file": file, **fields})


def test_an_editor_writes_a_prompt_whose_first_version_is_live(client, editor, project):
    client.force_login(editor)
    fields = {"system": "Sort it.\r\nWell.", "user": "{{text}}", "labels": "billing, shipping,"}
    answer = new(client, name="Which desk?", **fields)
    task = Task.objects.get()
    assert answer["Location"] == reverse("prompts:prompt", args=["support", "which-desk"])
    artifact = live_version(task).artifact
    assert artifact["system"] == "Sort it.\nWell."
    assert artifact["outputs"][0]["enum"] == ["billing", "shipping"]


@pytest.mark.parametrize(
    ("fields", "field", "status"),
    [
        ({"name": "", "user": "{{text}}"}, "name", 400),
        ({"name": "desk", "user": " "}, "user", 400),
        ({"name": "desk", "user": "{% if x %}{{x}}{% endif %}"}, "user", 400),
        ({"name": "?!", "user": "{{text}}"}, "name", 400),
        ({"name": "desk", "user": "{{text}}", "model": "nobody/large"}, "model", 400),
        ({"name": "Taken", "user": "{{text}}"}, "name", 409),
    ],
)
def test_what_is_wrong_stands_by_its_field_and_nothing_is_made(
    client, editor, project, fields, field, status
):
    TaskFactory(project=project, slug="taken")
    client.force_login(editor)
    answer = new(client, **fields)
    assert answer.status_code == status
    assert list(answer.context["form"].errors) == [field]
    assert not PromptVersion.objects.exists()


@pytest.mark.parametrize("name", ["new", "import"])
def test_only_editors_make_prompts(client, viewer, outsider, project, name):
    address = reverse(f"prompts:{name}", args=["support"])
    for person, status in ((viewer, 403), (outsider, 404)):
        client.force_login(person)
        assert client.get(address).status_code == status
        assert client.post(address, {"name": "x", "user": "{{x}}"}).status_code == status


def test_a_file_becomes_a_prompt_with_all_that_it_says(client, editor, project):
    ConnectionFactory(project=project, slug="own")
    client.force_login(editor)
    put(client, write_prompt_file(PromptFile(RICH, "Which desk", "Sorts mail.")))
    task = Task.objects.get()
    assert (task.slug, task.description, task.student) == ("which-desk", "Sorts mail.", "own/large")
    assert live_version(task).hash == RICH.hash
    assert inputs_from_schema(task.input_schema) == RICH.inputs
    read = outputs_from_schema(task.output_schema)
    assert [(one.name, one.type, one.enum) for one in read] == [
        (one.name, one.type, one.enum) for one in RICH.outputs
    ]


def test_a_model_that_the_project_has_no_connection_for_is_left_open(client, editor, project):
    client.force_login(editor)
    put(client, write_prompt_file(PromptFile(RICH, "Which desk")), name="Another name")
    assert (Task.objects.get().slug, Task.objects.get().student) == ("another-name", "")


def test_a_file_into_a_prompt_is_a_draft_and_the_same_text_is_no_new_one(client, editor, live):
    client.force_login(editor)
    changed = file_of(live).replace(b"way 1", b"better")
    answer = put(client, changed, task="triage", reason="From the repository.")
    assert answer["Location"] == reverse("prompts:version", args=["support", "triage", 2])
    draft = live.task.versions.get(number=2)
    assert (draft.change_reason, draft.parents.get()) == ("From the repository.", live)
    assert live_version(live.task) == live
    again = put(client, changed, task="triage")
    assert again["Location"] == answer["Location"]
    assert live.task.versions.count() == 2


@pytest.mark.parametrize("content", [b"- a list", b"\xff\xfe\x00", b"x" * (1024 * 1024 + 1)])
def test_a_file_that_cannot_be_read_is_refused_in_words(client, editor, project, content):
    client.force_login(editor)
    answer = put(client, content)
    assert answer.status_code == 400
    assert answer.context["form"].errors["file"]
    assert not Task.objects.exists()


def test_a_prompt_of_another_project_is_no_choice(client, editor, other_project):
    TaskFactory(project=other_project, slug="theirs")
    client.force_login(editor)
    answer = put(client, b"{}", task="theirs")
    assert list(answer.context["form"].errors) == ["task"]


def test_snippets_name_the_prompt_and_its_inputs_and_can_be_run(live):
    snippets = {
        one.key: one.code for one in snippets_of(live.task, "https://k.example/", live.artifact)
    }
    for key in ("sdk", "openai"):
        compile(snippets[key], key, "exec")
        assert "'triage'" in snippets[key]
        assert "{'text': '...'}" in snippets[key]
    assert "https://k.example/api/v1/tasks/triage/prompt" in shlex.split(snippets["curl"])


def test_a_strange_name_in_a_schema_is_a_literal_and_nothing_more(live):
    name = "a'); import os  # \u202e\n"
    artifact = {"inputs": [{"name": name}]}
    task = live.task
    task.output_schema = {"type": "object", "properties": {"'\"`$(ls)": {"type": "string"}}}
    snippets = {one.key: one.code for one in snippets_of(task, "https://k.example", artifact)}
    tree = compile(snippets["openai"], "openai", "exec")
    assert "os" not in tree.co_names
    assert "\u202e" not in snippets["sdk"]
    assert "$(ls)" in shlex.split(snippets["curl"])[-1]
