"""What DSPy sends and gets back is what the artifact renders and parses, whatever its shape."""

import json
import threading
from typing import Any

import dspy
import pytest

from kaizen_engine.errors import JobAbort
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.optimize.dspy_lm import GatewayEngine, gateway_lm
from kaizen_engine.optimize.dspy_program import BoundedTeacher, PromptProgram
from kaizen_engine.prompts.artifact import Demo, InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.render import render_messages
from kaizen_engine.states import StopReason
from tests.engine.optimize.support import (
    SEED_PROMPT,
    ScriptedDoor,
    ask,
    run_program,
    template,
)

LABEL = OutputField("label", enum=("yes", "no"))
TICKET = PromptArtifact(
    system="  Read the ticket.\n\tKeep indentation,  and trailing blanks. \n\n",
    user_template="{{subject}} / {{body}} {not a variable}",
    inputs=(InputField("subject"), InputField("body", "json")),
    outputs=(LABEL, OutputField("count", "integer"), OutputField("who", "object")),
    demos=(
        Demo(
            {"subject": "{{body}}", "body": {"b": [1, 2]}},
            {"label": "no", "count": 2, "who": {"name": "Zoë"}},
        ),
    ),
)
SHAPES: dict[str, tuple[PromptArtifact, dict[str, Any]]] = {
    "several outputs": (TICKET, {"subject": "", "body": {"z": 1, "a": None}}),
    "one user message": (TICKET.with_(layout="user_only"), {"subject": "s", "body": [1]}),
    "an empty system": (TICKET.with_(system="", demos=()), {"subject": "s", "body": 3}),
    "reasoning": (TICKET.with_(reasoning=True, demos=()), {"subject": "s", "body": "text"}),
    "free text": (
        PromptArtifact("", "{{q}}", (InputField("q"),), (OutputField("a"),)),
        {"q": "{{q}} {x}\r\n"},
    ),
    "pictures and sound": (
        PromptArtifact(
            "Look at it.",
            "{{i}} then {{s}}",
            (InputField("i", "image_url"), InputField("s", "audio_url")),
            (LABEL,),
        ),
        {"i": "data:image/png;base64,aGk=", "s": "https://example.org/a.mp3"},
    ),
}
ANSWER = json.dumps({"reasoning": "so", "label": "YES", "count": 4, "who": {"name": "Ann"}})


@pytest.mark.parametrize("shape", SHAPES)
def test_the_messages_that_reach_the_gateway_are_those_of_the_renderer(shape: str) -> None:
    artifact, inputs = SHAPES[shape]
    json_form = len(artifact.outputs) > 1
    outputs, seen = ask(artifact, inputs, lambda _: ANSWER if json_form else "yes")
    assert seen == [tuple(render_messages(artifact.to_dict(), inputs))]
    assert list(outputs.values())[0] == "yes"


def test_a_demonstration_is_sent_as_the_artifact_spells_it() -> None:
    table = {"b": 1.0, "a": [2.0]}
    artifact = PromptArtifact(
        "Add.",
        "{{table}}",
        (InputField("table", "json"),),
        (OutputField("sum", "number"),),
        demos=(Demo({"table": table}, {"sum": 3.0}),),
    )
    _, seen = ask(artifact, {"table": [1]}, lambda _: "3")
    assert seen == [tuple(render_messages(artifact.to_dict(), {"table": [1]}))]
    assert seen[0][1]["content"] == '{"a": [2], "b": 1}'


@pytest.mark.parametrize("shape", SHAPES)
def test_export_gives_back_the_artifact_and_so_does_saved_state(shape: str) -> None:
    artifact, _ = SHAPES[shape]
    program = PromptProgram.from_artifact(artifact)
    state = json.loads(json.dumps(program.dump_state()))
    restored = PromptProgram.from_artifact(artifact.with_(demos=()))
    restored.load_state(state)
    assert program.artifact() == artifact
    assert restored.artifact().hash == artifact.hash
    assert program.deepcopy().artifact().hash == artifact.hash


def test_new_instructions_become_the_system_text() -> None:
    program = PromptProgram.from_artifact(TICKET)
    program.predict.signature = program.predict.signature.with_instructions("Say less.")
    assert program.artifact() == TICKET.with_(system="Say less.")


def test_an_answer_that_breaks_the_contract_is_data() -> None:
    program = PromptProgram.from_artifact(SEED_PROMPT)
    prediction = run_program(program, {"text": "x"}, ScriptedDoor(lambda _: "purple"))
    assert prediction.colour is None
    assert "purple" in prediction.parse_error


def test_an_empty_answer_is_a_parse_error_as_in_the_evaluator() -> None:
    program = PromptProgram.from_artifact(SEED_PROMPT)
    prediction = run_program(program, {"text": "x"}, ScriptedDoor(lambda _: ""))
    assert "empty" in prediction.parse_error


def test_any_other_error_aborts_the_job() -> None:
    def fail(_request: ChatRequest) -> str:
        raise ConnectionError("no route")

    with pytest.raises(JobAbort, match="no route") as caught:
        run_program(PromptProgram(SEED_PROMPT), {"text": "x"}, ScriptedDoor(fail))
    assert caught.value.reason is StopReason.ERROR


def test_reasoning_is_kept_for_demonstrations_and_hidden_from_the_outputs() -> None:
    artifact = TICKET.with_(reasoning=True, demos=())
    program = PromptProgram.from_artifact(artifact)
    inputs = {"subject": "s", "body": 1}
    prediction = run_program(program, inputs, ScriptedDoor(lambda _: f"```json\n{ANSWER}\n```"))
    inner = program.adapter.to_inner_inputs(inputs)
    program.predict.demos = [dspy.Example(augmented=True, **inner, **prediction)]

    assert "reasoning" not in program.adapter.to_outputs(prediction)
    (demo,) = program.artifact().demos
    assert demo.outputs["reasoning"] == "so"
    assert '"reasoning": "so"' in str(render_messages(program.artifact().to_dict(), inputs))


def test_a_demonstration_with_a_missing_field_is_not_exported() -> None:
    program = PromptProgram.from_artifact(SEED_PROMPT)
    program.predict.demos = [dspy.Example(text="only an input"), *program.predict.demos]
    assert program.artifact() == SEED_PROMPT


def test_a_bounded_teacher_stops_asking_and_its_copies_start_anew() -> None:
    door = ScriptedDoor(lambda _: "red")
    teacher = BoundedTeacher(SEED_PROMPT, 2)
    copy = teacher.deepcopy()
    for _ in range(5):
        prediction = run_program(teacher, {"text": "x"}, door)
    assert len(door.requests) == 2
    assert prediction.colour is None
    run_program(copy, {"text": "x"}, door)
    assert len(door.requests) == 3


def test_the_language_model_keeps_no_history_cache_or_retries() -> None:
    engine = GatewayEngine(ScriptedDoor(lambda _: "red"), role="student", template=template())
    lm = gateway_lm(engine, role="student")
    with dspy.context(lm=lm, disable_history=True):
        PromptProgram.from_artifact(SEED_PROMPT)(text="x")
    assert (lm.history, lm.cache, lm.num_retries) == ([], False, 0)


def test_draining_waits_for_the_calls_under_way() -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait(_request: ChatRequest) -> str:
        entered.set()
        leave.wait(10)
        return "red"

    engine = GatewayEngine(ScriptedDoor(wait), role="student", template=template())
    lm = gateway_lm(engine, role="student")

    def call() -> None:
        with dspy.context(lm=lm, disable_history=True):
            PromptProgram.from_artifact(SEED_PROMPT)(text="x")

    thread = threading.Thread(target=call)
    thread.start()
    assert entered.wait(10)
    assert not engine.drain(0.01)
    leave.set()
    assert engine.drain(10)
    thread.join()
