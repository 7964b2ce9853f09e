import pytest

from kaizen_engine.prompts.render import render_messages
from projects_app.models import AuditEntry, Scope
from prompts_app.models import PromptVersion, Tag
from tasks_app.models import Task
from tests.factories.llm import ConnectionFactory
from tests.factories.prompts import PromptVersionFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db

URL = "/api/v1/prompts"
MESSAGES = [
    {"role": "system", "content": "  Route the message.\n\nBe {{tone}}. "},
    {"role": "user", "content": "Customer {{customer}} writes:\n{{message}}\n"},
]
INPUTS = {"tone": "brief", "customer": "Ann", "message": "{{tone}} {x} </user>\n100 %"}


def versions_url(task):
    return f"/api/v1/prompts/{task.public_id}/versions"


def test_a_prompt_becomes_a_task_with_version_1_live(api_client, project):
    answer = api_client.post(URL, {"name": "Route message", "messages": MESSAGES})
    assert answer.status_code == 201
    task = Task.objects.get(project=project)
    version = PromptVersion.objects.get(task=task)
    assert answer.json() == {
        "prompt_id": str(task.public_id),
        "version_id": str(version.public_id),
        "number": 1,
        "version_hash": version.hash,
    }
    assert (task.slug, task.name) == ("route-message", "Route message")
    assert Tag.objects.get(task=task).version == version
    assert version.gates.get().basis == "import"
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"kaizen.task.created", "kaizen.prompt.version_created"} <= actions


def test_what_was_created_renders_to_the_messages_it_was_made_of(api_client, project):
    api_client.post(URL, {"name": "route", "messages": MESSAGES})
    artifact = api_client.get("/api/v1/tasks/route/prompt").json()["artifact"]
    expected = [{**message, "content": _filled(message["content"])} for message in MESSAGES]
    assert render_messages(artifact, INPUTS) == expected


def _filled(text):
    pieces = text.split("{{")
    rest = [piece.split("}}", 1) for piece in pieces[1:]]
    return pieces[0] + "".join(INPUTS[name] + after for name, after in rest)


def test_a_template_is_one_user_message(api_client, project):
    api_client.post(URL, {"name": "greet", "template": " Greet {name} kindly. "})
    artifact = api_client.get("/api/v1/tasks/greet/prompt").json()["artifact"]
    assert render_messages(artifact, {"name": "Ann"}) == [
        {"role": "user", "content": " Greet Ann kindly. "}
    ]


def test_schemas_and_model_are_the_tasks(api_client, project):
    ConnectionFactory(project=project, slug="models")
    answer = api_client.post(
        URL,
        {
            "name": "route",
            "messages": MESSAGES,
            "input_schema": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in INPUTS},
            },
            "output_schema": {
                "type": "object",
                "properties": {"desk": {"type": "string", "enum": ["a", "b"]}},
            },
            "model": "models/small",
        },
    )
    task, version = Task.objects.get(), PromptVersion.objects.get()
    assert answer.status_code == 201
    assert task.student == version.artifact["model"] == "models/small"
    assert version.artifact["outputs"][0]["enum"] == ["a", "b"]


def test_without_a_schema_the_variables_are_declared_and_more_may_come(api_client, project):
    api_client.post(URL, {"name": "route", "messages": MESSAGES})
    schema = Task.objects.get().input_schema
    assert set(schema["properties"]) == set(INPUTS)
    assert schema["additionalProperties"] is True


def test_both_scopes_are_needed(client_with, key_with, project):
    body = {"name": "route", "template": "Hello {name}"}
    for scopes in ([Scope.TASK_CREATE], [Scope.PROMPT_WRITE], [Scope.PROMPT_READ]):
        assert client_with(key_with(*scopes)).post(URL, body).status_code == 403
    assert client_with("").post(URL, body).status_code == 401
    assert not Task.objects.exists()
    both = client_with(key_with(Scope.TASK_CREATE, Scope.PROMPT_WRITE))
    assert both.post(URL, body).status_code == 201


def test_a_taken_name_is_a_conflict(api_client, project):
    body = {"name": "route", "template": "Hello {name}"}
    api_client.post(URL, body)
    again = api_client.post(URL, body)
    assert (again.status_code, again.json()["code"]) == (409, "taken")
    assert Task.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"template": "x"}, "name"),
        ({"name": "!!!", "template": "x"}, "name"),
        ({"name": "n" * 81, "template": "x"}, "name"),
        ({"name": "n"}, "template"),
        ({"name": "n", "template": "x", "messages": MESSAGES}, "template"),
        ({"name": "n", "template": "x", "colour": "red"}, "colour"),
        ({"name": "n", "template": "x", "model": "nowhere/x"}, "student"),
        ({"name": "n", "template": "x", "output_schema": {"type": "nonsense"}}, None),
        ({"name": "n", "template": "{% if x %}y{% endif %}"}, None),
        ({"name": "n", "messages": [{"role": "system", "content": "x"}]}, None),
        ({"name": "n", "messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"name": "n", "messages": "x"}, "messages.non_field_errors"),
        ([], "non_field_errors"),
    ],
)
def test_a_bad_body_is_refused_and_leaves_nothing(api_client, project, body, field):
    answer = api_client.post(URL, body)
    assert answer.status_code == 400
    if field:
        assert answer.json()["errors"][0]["field"] == field
    assert not Task.objects.exists()


def test_a_known_text_answers_200_with_the_first_version(api_client, live):
    body = {"artifact": live.artifact, "change_reason": "again"}
    answer = api_client.post(versions_url(live.task), body)
    assert answer.status_code == 200
    assert answer.json()["version_id"] == str(live.public_id)


def test_a_new_text_is_a_draft_child_and_not_live(api_client, live):
    answer = api_client.post(
        versions_url(live.task),
        {"template": "Label this: {{text}}", "parent": str(live.public_id)},
    )
    assert (answer.status_code, answer.json()["number"]) == (201, 2)
    version = PromptVersion.objects.get(number=2)
    assert (version.review_state, list(version.parents.all())) == ("draft", [live])
    assert Tag.objects.get(task=live.task).version == live


def test_the_first_version_of_a_task_in_setup_state_goes_live(client_with, key_with, task):
    client = client_with(key_with(Scope.PROMPT_WRITE))
    answer = client.post(versions_url(task), {"template": "Label this: {{text}}"})
    assert (answer.status_code, answer.json()["number"]) == (201, 1)
    assert Tag.objects.get(task=task).version.number == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"template": "{{text}}", "artifact": {}},
        {"artifact": {"system": "no more"}},
        {"template": "{{unknown}}"},
        {"template": "{{text}}", "parent": "not an id"},
    ],
)
def test_a_bad_version_is_refused(api_client, live, body):
    assert api_client.post(versions_url(live.task), body).status_code == 400
    assert live.task.versions.count() == 1


def test_a_parent_of_another_task_is_not_here(api_client, live):
    stranger = PromptVersionFactory(task__project=live.task.project)
    body = {"template": "{{text}}", "parent": str(stranger.public_id)}
    answer = api_client.post(versions_url(live.task), body)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_version")


def test_versions_of_another_projects_task_are_not_here(
    outsider_client, client_with, key_with, live
):
    body = {"template": "{{text}}"}
    assert outsider_client.post(versions_url(live.task), body).status_code == 404
    assert client_with("").post(versions_url(live.task), body).status_code == 401
    reader = client_with(key_with(Scope.PROMPT_READ))
    assert reader.post(versions_url(live.task), body).status_code == 403


def test_a_task_with_a_strange_id_is_not_here(api_client, project):
    assert api_client.post("/api/v1/prompts/nonsense/versions", {}).status_code == 404
    unsaved = TaskFactory.build(project=project, student_connection=None)
    assert api_client.post(versions_url(unsaved), {"template": "x"}).status_code == 404
