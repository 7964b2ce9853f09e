import json

import dspy
import pytest

from kaizen_engine.llm.providers.demo import DemoModel
from kaizen_engine.llm.providers.demo_meta import read_meta
from kaizen_engine.llm.types import ChatRequest, Message
from kaizen_engine.prompts.render import render_messages
from tests.engine.llm.test_demo_model import ROWS, accuracy, artifact

EXAMPLES = [dspy.Example(text=text, f_kind=kind).with_inputs("text") for text, kind in ROWS[::2]]


class Describe(dspy.Signature):
    """Write observations about the examples."""

    examples = dspy.InputField()
    observations = dspy.OutputField()


class Propose(dspy.Signature):
    """Propose an instruction."""

    dataset_description = dspy.InputField()
    task_demos = dspy.InputField()
    basic_instruction = dspy.InputField()
    proposed_instruction = dspy.OutputField()


def messages_for(
    signature: type[dspy.Signature], adapter: dspy.Adapter, **given: str
) -> tuple[Message, ...]:
    return tuple(adapter.format(signature, [], given))


def ask(
    signature: type[dspy.Signature],
    name: str,
    adapter: dspy.Adapter | None = None,
    temperature: float = 0.0,
    seed: int = 0,
    **given: str,
) -> str:
    adapter = adapter or dspy.ChatAdapter()
    request = ChatRequest(
        "demo", messages_for(signature, adapter, **given), 2048, temperature, {"seed": seed}
    )
    text = DemoModel().complete(request, timeout_s=1).text
    return str(adapter.parse(signature, text)[name])


def propose(observations: str, **options: object) -> str:
    return ask(
        Propose,
        "proposed_instruction",
        dataset_description=observations,
        task_demos="No task demos provided.",
        basic_instruction="Sort the message.",
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("adapter", [dspy.ChatAdapter(), dspy.JSONAdapter()])
def test_it_describes_rows_and_makes_an_instruction_that_works(adapter: dspy.Adapter) -> None:
    seen = ask(Describe, "observations", adapter, examples=repr(EXAMPLES))
    instruction = propose(seen)
    assert instruction.startswith("Sort the message.")
    assert accuracy([], ROWS, system=instruction) > accuracy([], ROWS, system="Sort the message.")


def test_observations_that_run_into_each_other_are_read_in_full() -> None:
    halves = [
        ask(Describe, "observations", examples=repr(rows)) for rows in (EXAMPLES[:5], EXAMPLES[5:])
    ]
    whole = ask(Describe, "observations", examples=repr(EXAMPLES))
    assert accuracy([], ROWS, system=propose("".join(halves))) == pytest.approx(
        accuracy([], ROWS, system=propose(whole)), abs=0.1
    )


def test_demonstrations_alone_are_enough_for_cue_words() -> None:
    instruction = ask(
        Propose,
        "proposed_instruction",
        dataset_description="Not available",
        task_demos="Text: I lost my card\nReasoning: so it is\nKind: K1\n\n"
        "Text: When are you open\nReasoning: it asks\nKind: K2\n\n",
        basic_instruction="Sort.",
    )
    assert "K1: " in instruction
    assert "card" in instruction.split("K1: ")[1].splitlines()[0]
    assert "open" in instruction.split("K2: ")[1].splitlines()[0]


def test_shown_nothing_it_knows_nothing() -> None:
    instruction = propose("Not available")
    assert instruction == "Sort the message.\nRead the whole input before you answer."


def test_above_temperature_zero_proposals_differ() -> None:
    seen = ask(Describe, "observations", examples=repr(EXAMPLES))
    assert propose(seen) == propose(seen)
    assert len({propose(seen, temperature=1.0, seed=seed) for seed in range(8)}) > 4


def test_a_task_prompt_that_quotes_an_optimizer_is_a_task_prompt() -> None:
    meta = messages_for(Describe, dspy.ChatAdapter(), examples="[]")
    quoted = f"{meta[0]['content']}\n\n{meta[1]['content']}"
    messages = tuple(render_messages(artifact(), {"text": quoted}))
    assert read_meta(meta) is not None
    assert read_meta(messages) is None


def test_rows_that_are_no_python_are_passed_over() -> None:
    broken = "[Example({'text': nonsense}) (input_keys={'text'}), Example({'text': 'lost card', "
    shown = broken + "'kind': True, 'n': 3}) (input_keys={'text'})]"
    seen = ask(Describe, "observations", examples=shown)
    assert "- true: lost x1, card x1" in seen or "- true: card x1, lost x1" in seen


def test_json_answers_are_json() -> None:
    messages = messages_for(Describe, dspy.JSONAdapter(), examples=repr(EXAMPLES))
    answer = DemoModel().complete(ChatRequest("demo", messages, 2048), timeout_s=1).text
    assert list(json.loads(answer)) == ["observations"]


class Reflect(dspy.Signature):
    """Write a new instruction."""

    current_instruction = dspy.InputField()
    examples_with_feedback: list[dict[str, object]] = dspy.InputField()
    new_instruction = dspy.OutputField()


class Advise(dspy.Signature):
    """Write advice."""

    given: dict[str, object] = dspy.InputField()
    better_review = dspy.InputField()
    advice = dspy.OutputField()


class Explain(dspy.Signature):
    """Say what failures have in common."""

    examples_with_feedback: list[dict[str, object]] = dspy.InputField()
    diagnosis = dspy.OutputField()


def record(text: str, feedback: str) -> dict[str, object]:
    return {"Inputs": {"text": text}, "Generated Outputs": {}, "Feedback": feedback}


def test_reflection_learns_from_expected_outputs_and_keeps_what_the_instruction_knew() -> None:
    card = record("my card was swallowed", 'Scores: x 0.00\nExpected output: {"kind": "card"}')
    first = ask(
        Reflect,
        "new_instruction",
        current_instruction="Sort it.",
        examples_with_feedback=[card],  # type: ignore[arg-type]
    )
    cash = record("the machine gave no cash", 'Scores: x 0.00\nExpected output: {"kind": "cash"}')
    second = ask(
        Reflect,
        "new_instruction",
        current_instruction=first,
        examples_with_feedback=[cash],  # type: ignore[arg-type]
    )
    assert "card: " in first
    assert "swallowed" in first
    assert all(word in second for word in ("card: ", "swallowed", "cash: ", "machine"))
    assert second.startswith("Sort it.")
    assert second.count("Words that point") == 1


def test_what_a_reviewer_says_is_heard_and_without_it_nothing_is_known() -> None:
    said = record("top up failed", "Scores: rated 0.00\n> No. This should be top_up.")
    silent = record("top up failed", "Scores: rated 0.00")
    heard, unheard = (
        ask(
            Reflect,
            "new_instruction",
            current_instruction="Sort it.",
            examples_with_feedback=[one],  # type: ignore[arg-type]
        )
        for one in (said, silent)
    )
    assert "top_up: top, failed" in heard or "top_up: failed, top" in heard
    assert "top_up" not in unheard


def test_advice_is_about_the_input_it_was_shown() -> None:
    advice = ask(
        Advise,
        "advice",
        given={"text": "my card was swallowed"},  # type: ignore[arg-type]
        better_review='Scores: x 1.00\nExpected output: {"kind": "card"}',
    )
    assert advice.startswith("card: ")
    assert "swallowed" in advice


def test_a_diagnosis_counts_words_that_a_later_instruction_can_use() -> None:
    rows = [
        record(f"my card was swallowed {number}", 'Expected output: {"kind": "card"}')
        for number in range(3)
    ]
    diagnosis = ask(Explain, "diagnosis", examples_with_feedback=rows)  # type: ignore[arg-type]
    assert "- card: card x3, swallowed x3" in diagnosis
    assert "card: " in propose(diagnosis)
