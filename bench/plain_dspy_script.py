"""The script that `bench.plain_dspy` runs: DSPy and nothing of Kaizen.

Reads an order (rows with their splits, optimizer, trials, model server), optimizes, scores seed and
winner on the hold-out, and prints how many calls it made and how long they took.
"""

import contextlib
import io
import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal

import dspy
from dspy.teleprompt import BootstrapFewShotWithRandomSearch, MIPROv2
from dspy.utils.callback import BaseCallback

THREADS = 8


class PlainAdapter(dspy.Adapter):
    """Sends an instruction, examples and the input as an application would."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__()
        self._codes = codes
        listed = ", ".join(codes)
        self._ending = f"\n\nAnswer with exactly one of: {listed}\nWrite nothing else."

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> Any:
        messages = [{"role": "system", "content": signature.instructions + self._ending}]
        for demo in demos:
            messages.append({"role": "user", "content": demo["text"]})
            messages.append({"role": "assistant", "content": demo["code"]})
        return [*messages, {"role": "user", "content": inputs["text"]}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        code = completion.strip()
        return {"code": code if code in self._codes else self._codes[0]}


class Sort(dspy.Module):
    def __init__(self, codes: list[str]) -> None:
        super().__init__()
        fields = {
            "text": (str, dspy.InputField()),
            "code": (Literal[tuple(codes)], dspy.OutputField()),
        }
        self.adapter = PlainAdapter(codes)
        self.predict = dspy.Predict(dspy.Signature(fields, "Sort the customer's question."))

    def forward(self, text: str) -> dspy.Prediction:
        with dspy.context(adapter=self.adapter):
            return self.predict(text=text)


class Stopwatch(BaseCallback):
    def __init__(self) -> None:
        self.calls, self.together_s, self.alone_s = 0, 0.0, 0.0
        self._begun: dict[str, float] = {}
        self._lock = threading.Lock()

    def on_lm_start(self, call_id: str, instance: Any, inputs: Any) -> None:
        self._begun[call_id] = time.monotonic()

    def on_lm_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
        seconds = time.monotonic() - self._begun.pop(call_id)
        with self._lock:
            self.calls += 1
            if threading.current_thread() is threading.main_thread():
                self.alone_s += seconds
            else:
                self.together_s += seconds


def is_right(example: Any, prediction: Any, trace: Any = None) -> bool:
    return bool(example.code == prediction.code)


def optimize(order: dict[str, Any], splits: dict[str, list[Any]], program: Sort) -> Any:
    if order["strategy"] == "bootstrap":
        search = BootstrapFewShotWithRandomSearch(
            metric=is_right,
            max_bootstrapped_demos=4,
            max_labeled_demos=24,
            num_candidate_programs=order["trials"],
            num_threads=THREADS,
        )
        return search.compile(program, trainset=splits["train"], valset=splits["dev"])
    mipro = MIPROv2(
        metric=is_right,
        max_bootstrapped_demos=4,
        max_labeled_demos=24,
        auto=None,
        num_candidates=10,
        num_threads=THREADS,
        seed=order["seed"],
    )
    return mipro.compile(
        program,
        trainset=splits["train"],
        valset=splits["dev"],
        num_trials=order["trials"],
        minibatch=True,
        minibatch_size=25,
    )


def main(path: Path) -> None:
    order = json.loads(path.read_text(encoding="utf-8"))
    rows, splits = order["rows"], {}
    for split in ("train", "dev", "test"):
        splits[split] = [
            dspy.Example(text=text, code=code).with_inputs("text")
            for text, code, where in rows
            if where == split
        ]
    random.Random(order["seed"]).shuffle(splits["train"])
    program = Sort(sorted({code for _, code, _ in rows}))
    model = dspy.LM(
        "openai/demo", api_base=order["url"], api_key="none", cache=False, max_tokens=512,
        temperature=0.0,
    )  # fmt: skip
    watch = Stopwatch()
    with (
        contextlib.redirect_stdout(io.StringIO()),
        dspy.context(lm=model, callbacks=[watch]),
    ):
        best = optimize(order, splits, program)
        evaluate = dspy.Evaluate(devset=splits["test"], metric=is_right, num_threads=THREADS)
        before, after = evaluate(program).score, evaluate(best).score
    seconds = {"together_s": watch.together_s, "alone_s": watch.alone_s}
    print(json.dumps({"calls": watch.calls, **seconds, "test": [before, after]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
