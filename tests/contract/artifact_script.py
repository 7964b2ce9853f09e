"""Send a saved prompt with this file and the `openai` package alone: nothing of Kaizen is imported.

    python -I artifact_script.py prompt.json rows.json http://127.0.0.1:8089/v1

`prompt.json` is the answer to `GET /api/v1/tasks/{slug}/prompt`, `rows.json` a list of objects with
`inputs` and the expected `outputs`. The functions before `main` are those of docs/dev/artifact.md.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

from openai import OpenAI


def hash_of(artifact):
    canonical = json.dumps(artifact, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def render(artifact, inputs):
    names = [field["name"] for field in artifact["inputs"]]
    wanted = [field["name"] for field in artifact["outputs"]]
    wanted = ["reasoning", *wanted] if artifact["reasoning"] else wanted
    demos = [
        demo
        for demo in artifact["demos"]
        if all(demo["inputs"].get(name) is not None for name in names)
        and all(demo["outputs"].get(name) is not None for name in wanted)
    ]
    system = fill(artifact, artifact["system"], inputs)
    query = fill(artifact, artifact["user_template"], inputs)
    if artifact["layout"] == "user_only":
        examples = [[example(artifact, demo, names, wanted)] for demo in demos]
        return [message("user", [system, *examples, query, [contract(artifact)]])]
    first = message("system", [system, [contract(artifact)]])
    turns = [first] if first["content"] else []
    for demo in demos:
        turns.append(message("user", [fill(artifact, artifact["user_template"], demo["inputs"])]))
        turns.append({"role": "assistant", "content": answer(artifact, demo["outputs"], wanted)})
    return [*turns, message("user", [query])]


def fill(artifact, template, inputs):
    types = {field["name"]: field["type"] for field in artifact["inputs"]}
    parts = re.split(r"\{\{([^{}]*)\}\}", template)
    for place in range(1, len(parts), 2):
        name = parts[place].strip()
        kind, value = types[name], inputs[name]
        is_media = kind in ("image_url", "audio_url")
        parts[place] = {"type": kind, kind: {"url": value}} if is_media else as_text(value)
    return parts


def message(role, blocks):
    content = []
    for block in blocks:
        kept = [part for part in block if part != ""]
        for part in ["\n\n", *kept] if content and kept else kept:
            if isinstance(part, str) and content and isinstance(content[-1], str):
                content[-1] += part
            else:
                content.append(part)
    if all(isinstance(part, str) for part in content):
        return {"role": role, "content": "".join(content)}
    texts = [{"type": "text", "text": p} if isinstance(p, str) else p for p in content]
    return {"role": role, "content": texts}


def contract(artifact):
    output, kind = artifact["outputs"][0], artifact["outputs"][0]["type"]
    if is_json(artifact):
        lines = ["Answer with one JSON object and nothing else. Its fields:"]
        if artifact["reasoning"]:
            lines.append('"reasoning": string - your reasoning, before the other fields')
        return "\n".join([*lines, *(field_line(field) for field in artifact["outputs"])])
    if output.get("enum"):
        labels = [to_json(x) if "," in x or '"' in x else x for x in output["enum"]]
    elif kind == "boolean":
        labels = ["true", "false"]
    else:
        return "" if kind == "string" else f"Answer with one {kind} and nothing else."
    return f"Answer with exactly one of: {', '.join(labels)}\nWrite nothing else."


def field_line(field):
    form = "true or false" if field["type"] == "boolean" else field["type"]
    if field.get("enum"):
        quote = to_json if field["type"] == "string" else str
        form = "one of " + ", ".join(quote(label) for label in field["enum"])
    elif field.get("schema"):
        schema = to_json(field["schema"], sort_keys=True, separators=(",", ":"))
        form = f"{field['type']} matching {schema}"
    description = " ".join(field["description"].split())
    return f"{to_json(field['name'])}: {form}" + (f" - {description}" if description else "")


def is_json(artifact):
    several = artifact["reasoning"] or len(artifact["outputs"]) != 1
    return several or artifact["outputs"][0]["type"] in ("array", "object")


def answer(artifact, outputs, wanted):
    return to_object(outputs, wanted) if is_json(artifact) else as_text(outputs[wanted[0]])


def example(artifact, demo, names, wanted):
    values = demo["inputs"]
    shown = as_text(values[names[0]]) if len(names) == 1 else to_object(values, names)
    written = answer(artifact, demo["outputs"], wanted)
    return f"<example>\n<input>{shown}</input>\n<output>{written}</output>\n</example>"


def to_object(values, names):
    fields = (f"{to_json(name)}: {to_json(values[name], sort_keys=True)}" for name in names)
    return "{" + ", ".join(fields) + "}"


def as_text(value):
    return value if isinstance(value, str) else to_json(value, sort_keys=True)


def to_json(value, **options):
    return json.dumps(value, ensure_ascii=False, **options)


def read(artifact, text):
    """Read a label or a JSON object, as leniently as Kaizen does; None where there is neither."""
    if is_json(artifact):
        found, _ = json.JSONDecoder(strict=False).raw_decode(text, text.index("{"))
        return {field["name"]: found[field["name"]] for field in artifact["outputs"]}
    output = artifact["outputs"][0]
    wanted = text.strip("\"'`*. \t\r\n").casefold()
    labels = [label for label in output.get("enum") or [text] if label.casefold() == wanted]
    return {output["name"]: labels[0]} if labels else None


def main(prompt_path, rows_path, base_url):
    saved = json.loads(Path(prompt_path).read_text(encoding="utf-8"))
    artifact, params = saved["artifact"], dict(saved["artifact"]["params"])
    if hash_of(artifact) != saved["hash"]:
        sys.exit("the artifact is not the one that its hash names")
    client = OpenAI(base_url=base_url, api_key="none", max_retries=0)
    settings = {"temperature": 0, "max_tokens": 512, **params}
    settings["model"] = artifact["model"].partition("/")[2] or "demo"
    scores = []
    for row in json.loads(Path(rows_path).read_text(encoding="utf-8")):
        messages = render(artifact, row["inputs"])
        reply = client.chat.completions.create(messages=messages, **settings)
        scores.append(float(read(artifact, reply.choices[0].message.content) == row["outputs"]))
    ours = sorted(name for name in sys.modules if name.startswith(("kaizen", "dspy", "django")))
    print(json.dumps({"scores": scores, "ours": ours}))


if __name__ == "__main__":
    main(*sys.argv[1:])
