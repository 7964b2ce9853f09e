"""The calls of each strategy, counted before a job starts: what it makes at least and at most.

Pure arithmetic. An answer that the journal has by then costs nothing and is left out where that is
sure; where it is not, it counts in the upper figure only.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from kaizen_engine.optimize.call_loads import (
    INSTRUCTION_TOKENS,
    Load,
    MeanTokens,
    Range,
    Rows,
    guard_loads,
    half_of,
    laden_prompt,
    proof_loads,
    searched_rows,
)
from kaizen_engine.optimize.settings import (
    AnalystSettings,
    BootstrapSettings,
    GepaSettings,
    MiproSettings,
    SimbaSettings,
)
from kaizen_engine.optimize.strategy import FINALISTS

# A model's description of the data.
_DESCRIPTION_TOKENS = 400

Formula = Callable[[Rows, MeanTokens, Mapping[str, Any]], Range]


def _bootstrap(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> Range:
    """Count calls: candidates x dev, the hold-out twice, and what may come on top.

    The journal answers the baseline and the winner's second scoring where it can, so they count
    in the upper figure only, with the teacher's attempts to answer train rows.
    """
    chosen = BootstrapSettings.of(settings)
    laden = laden_prompt(tokens, chosen.max_demos, rows)
    searched = (chosen.candidates - 1) * rows.dev
    attempts = (chosen.num_trials + 1) * chosen.attempts(rows.train, rows.dev)
    low = [
        Load(rows.dev + rows.test, tokens.prompt, tokens.answer),
        Load(searched + rows.test, laden, tokens.answer),
    ]
    high = [
        Load(2 * rows.dev + rows.test, tokens.prompt, tokens.answer),
        Load(searched + rows.dev + rows.test, laden, tokens.answer),
        Load(attempts, laden, tokens.answer, is_teachers=True),
    ]
    guarded = guard_loads(rows, tokens, laden, chosen.candidates - 1, chosen.max_demos)
    return [*low, *guarded[0]], [*high, *guarded[1]]


def _miprov2(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> Range:
    """Count calls: baseline, trials, whole evaluations, the hold-out twice, and the teacher's.

    A row that a candidate has answered is answered by the journal from then on: a whole
    evaluation costs what its minibatch left over, and a combination drawn twice costs nothing.
    """
    plan = MiproSettings.of(settings, train=rows.train, dev=rows.dev)
    batch = plan.minibatch or rows.dev
    laden = laden_prompt(tokens, plan.demos.max_demos, rows) + INSTRUCTION_TOKENS
    left_over = rows.dev - batch
    attempts = plan.demos.attempts(rows.train, rows.dev)
    proposing = plan.proposer_calls(rows.train)
    described = plan.rows_shown * tokens.demo + 2 * _DESCRIPTION_TOKENS
    both = [
        Load(rows.dev + rows.test, tokens.prompt, tokens.answer),
        Load(rows.test, laden, tokens.answer),
        Load(proposing, described, _DESCRIPTION_TOKENS, is_teachers=True),
    ]
    fulls = plan.most_full_evaluations or plan.trials
    guarded = guard_loads(rows, tokens, laden, fulls, plan.demos.max_demos)
    low = math.ceil(plan.trials / 2) * batch + plan.full_evaluations * left_over / 2
    high = plan.trials * batch + plan.most_full_evaluations * left_over
    return (
        [
            *both,
            *guarded[0],
            Load(low, laden, tokens.answer),
            Load(plan.bootstrapped_sets, laden, tokens.answer, is_teachers=True),
        ],
        [
            *both,
            *guarded[1],
            Load(high, laden, tokens.answer),
            Load(plan.bootstrapped_sets * attempts, laden, tokens.answer, is_teachers=True),
        ],
    )


def _gepa(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> Range:
    """Count calls: minibatches and whole evaluations up to its budget, a reflection a proposal.

    A parent's minibatch is often answered already, and a search that stops because it overfits
    makes fewer calls: the lower figure is half of the upper one.
    """
    plan = GepaSettings.of(settings, train=rows.train)
    searched = searched_rows(rows.dev)
    laden = tokens.prompt + INSTRUCTION_TOKENS
    shown = laden + plan.minibatch * (tokens.demo + INSTRUCTION_TOKENS)
    high = [
        *proof_loads(rows, tokens, laden),
        Load(plan.most_metric_calls(searched), laden, tokens.answer),
        Load(plan.proposals, shown, INSTRUCTION_TOKENS, is_teachers=True),
        *guard_loads(rows, tokens, laden, plan.accepted + 1, 0)[1],
    ]
    return half_of(high), high


def _simba(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> Range:
    """Count calls: samples and candidates of each batch, its leader on the search part, and the
    leaders on all of train in the end."""
    plan = SimbaSettings.of(settings, train=rows.train)
    searched = searched_rows(rows.dev)
    laden = laden_prompt(tokens, plan.max_demos, rows) + INSTRUCTION_TOKENS
    batches = plan.steps * plan.batch * (2 * plan.candidates + 1)
    checked = (min(plan.candidates, plan.steps) + 1) * max(0, rows.train - plan.batch)
    high = [
        *proof_loads(rows, tokens, laden),
        Load(batches + plan.steps * searched + checked, laden, tokens.answer),
        Load(plan.built, laden, INSTRUCTION_TOKENS, is_teachers=True),
        *guard_loads(rows, tokens, laden, plan.steps, plan.max_demos)[1],
    ]
    return half_of(high), high


def _analyst(rows: Rows, tokens: MeanTokens, settings: Mapping[str, Any]) -> Range:
    """Count calls: train once, diagnoses, instructions and sets of demonstrations on the search
    part, with the teacher's attempts to answer train rows."""
    plan = AnalystSettings.of(settings)
    demos = BootstrapSettings.of({**settings, "num_trials": plan.demo_candidates})
    searched = searched_rows(rows.dev)
    laden = laden_prompt(tokens, demos.max_demos, rows) + INSTRUCTION_TOKENS
    attempts = (plan.demo_candidates + 1) * demos.attempts(rows.train, searched)
    written = plan.clusters + 1 + plan.instructions
    scored = plan.instructions + plan.scored_with_demos
    shown = tokens.prompt + plan.examples * (tokens.demo + _DESCRIPTION_TOKENS / 4)
    high = [
        *proof_loads(rows, tokens, laden),
        Load(rows.train, tokens.prompt, tokens.answer),
        Load(scored * searched, laden, tokens.answer),
        Load(written, shown, _DESCRIPTION_TOKENS, is_teachers=True),
        Load(attempts, laden, tokens.answer, is_teachers=True),
        *guard_loads(rows, tokens, laden, scored, demos.max_demos)[1],
    ]
    return half_of(high), high


FORMULAS: Mapping[str, Formula] = {
    "bootstrap": _bootstrap,
    "miprov2": _miprov2,
    "gepa": _gepa,
    "simba": _simba,
    "analyst": _analyst,
}


def planned_trials(strategy: str, settings: Mapping[str, Any], rows: Rows) -> int:
    """Return how many trials a run to the end reports at most."""
    if strategy == "miprov2":
        mipro = MiproSettings.of(settings, train=rows.train, dev=rows.dev)
        return 1 + mipro.trials + mipro.most_full_evaluations
    if strategy == "gepa":
        gepa = GepaSettings.of(settings, train=rows.train)
        return 1 + gepa.proposals + gepa.accepted + 1 + FINALISTS
    if strategy == "simba":
        simba = SimbaSettings.of(settings, train=rows.train)
        return 1 + simba.built + simba.steps + FINALISTS
    if strategy == "analyst":
        analyst = AnalystSettings.of(settings)
        return 2 + analyst.instructions + analyst.scored_with_demos + FINALISTS
    return BootstrapSettings.of(settings).candidates
