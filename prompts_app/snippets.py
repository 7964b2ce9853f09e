"""Code that fetches a prompt and logs feedback, written for this very prompt.

Names come from stored schemas: each is spelled as a literal of its language, never pasted.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks_app.fit import LONE_OUTPUT, declared
from tasks_app.models import Task

KEY = "KAIZEN_API_KEY"


@dataclass(frozen=True)
class Snippet:
    """`key` is what anchors and tests call it; `note` is what a reader has to know first."""

    key: str
    title: str
    code: str
    note: str = ""


def snippets_of(task: Task, base_url: str, artifact: Mapping[str, Any] | None) -> list[Snippet]:
    """Return the snippets; without a live text the inputs are those that the task declares."""
    inputs = _inputs(task, artifact)
    output = next(iter(declared(task.output_schema)), LONE_OUTPUT)
    url = base_url.rstrip("/")
    return [
        Snippet("sdk", "Python, kaizen-sdk", _sdk(task, url, inputs, output), _SDK_NOTE),
        Snippet("openai", "Python, with the openai client", _openai(task, url, inputs, output)),
        Snippet("curl", "curl", _curl(task, url, inputs, output), _CURL_NOTE),
    ]


_SDK_NOTE = (
    "The prompt is kept in memory and asked for anew in the background: a new version is there at "
    "most 15 seconds after it went live, and the fallback serves while Kaizen is away."
)
_CURL_NOTE = "Send the ETag of the last answer as If-None-Match: 304 says that nothing changed."


def _inputs(task: Task, artifact: Mapping[str, Any] | None) -> list[str]:
    if artifact:
        return [field["name"] for field in artifact.get("inputs", ())]
    return list(declared(task.input_schema)) or ["text"]


def _sdk(task: Task, url: str, inputs: Sequence[str], output: str) -> str:
    return f"""\
# pip install kaizen-sdk
from kaizen_sdk import CTClient

client = CTClient({_quoted(url)})  # the key comes from {KEY}

inputs = {_example(inputs)}
prompt = client.get_prompt({_quoted(task.slug)}, fallback={_fallback(inputs)})
answer = my_model(prompt.render(**inputs))  # a list of chat messages
output = prompt.parse(answer)

client.log_feedback(
    {_quoted(task.slug)}, inputs, output, score=1.0, prompt_hash=prompt.hash or None
)
# or what it should have been:
# corrected_output={{{_quoted(output)}: '...'}}, comment='why'
"""


def _openai(task: Task, url: str, inputs: Sequence[str], output: str) -> str:
    return f"""\
# pip install kaizen-sdk openai
from kaizen_sdk import CTClient
from openai import OpenAI

kaizen = CTClient({_quoted(url)})  # the key comes from {KEY}
model = OpenAI()

inputs = {_example(inputs)}
prompt = kaizen.get_prompt({_quoted(task.slug)}, fallback={_fallback(inputs)})
answer = model.chat.completions.create(
    model=prompt.model.partition('/')[2] or 'your-model',
    messages=prompt.render(**inputs),
    **prompt.params,
)
output = prompt.parse(answer.choices[0].message.content)
print(output[{_quoted(output)}])
"""


def _curl(task: Task, url: str, inputs: Sequence[str], output: str) -> str:
    feedback = {
        "task": task.slug,
        "event_id": "a-unique-id",
        "inputs": dict.fromkeys(inputs, "..."),
        "output": {output: "..."},
        "score": 1.0,
        "prompt_hash": "the hash that the first call answered",
    }
    body = shlex.quote(json.dumps(feedback, indent=2, ensure_ascii=False))
    prompt, feedback_url = (
        shlex.quote(f"{url}/api/v1/{path}") for path in (f"tasks/{task.slug}/prompt", "feedback")
    )
    return f"""\
curl -H "X-API-Key: ${KEY}" {prompt}

curl -H "X-API-Key: ${KEY}" -H 'Content-Type: application/json' {feedback_url} \\
  -d {body}
"""


def _example(inputs: Sequence[str]) -> str:
    return "{" + ", ".join(f"{_quoted(name)}: '...'" for name in inputs) + "}"


def _fallback(inputs: Sequence[str]) -> str:
    """A text of the application's own that names each input, for when nothing can be fetched."""
    return _quoted(" ".join(["Your own text:", *(f"{{{{{name}}}}}" for name in inputs)]))


def _quoted(text: str) -> str:
    """Spell a text as Python does, in ASCII: what could mislead a reader is an escape."""
    return ascii(text)
