"""The whole loop, step by step, each of which has to happen for the next to begin."""

import contextlib
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from kaizen_engine.states import LIVE_JOB_STATES, JobState, PullRequestState
from kaizen_site.demo.proposal import check_merged, repository_folder, wait_for_pull
from kaizen_site.demo.report import rescored, summary, table
from kaizen_site.demo.seed import Seed, seed
from kaizen_site.demo.stack import DemoFailed, Stack
from optimization_app.models import Job
from optimization_app.selectors import job_sentence
from projects_app.actors import Actor
from prompts_app.models import PromptVersion
from prompts_app.services.review import version_approve

MESSAGES = Path(__file__).resolve().parent / "messages.tsv"
SDK = settings.BASE_DIR / "sdk"
FRESHNESS_S = 15
PATIENCE_S = 180


class Loop:
    """One demonstration over a fresh database in `folder`, on the two given ports."""

    def __init__(self, folder: Path, *, web: int, model: int) -> None:
        self.folder, self.web, self.model = folder, web, model
        self.url, self.model_url = f"http://127.0.0.1:{web}", f"http://127.0.0.1:{model}/v1"
        self.last_sentence = ""

    def run(self, *, once: bool) -> None:
        self._fresh_database()
        stack = Stack(self.folder, {"PYTHONPATH": os.pathsep.join(self._python_path())})
        try:
            self._start(stack)
            self._show(stack)
            if not once:
                self._stay(stack)
        finally:
            stack.stop()

    def _python_path(self) -> list[str]:
        return [str(settings.BASE_DIR), str(SDK / "src")]

    def _fresh_database(self) -> None:
        connection.close()
        for path in self.folder.glob("kaizen.sqlite3*"):
            path.unlink()
        shutil.rmtree(self.folder / "git", ignore_errors=True)
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)

    def _start(self, stack: Stack) -> None:
        _say("starting the demo model, the site and the workers")
        server = "kaizen_engine.llm.providers.demo_server"
        stack.start("model", "-m", server, "--port", str(self.model))
        stack.start(
            "web", "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
            "--port", str(self.web), "--workers", "1", "--blocking-threads", "8", "--no-ws",
            "kaizen_site.wsgi:application",
        )  # fmt: skip
        stack.start("work", str(settings.BASE_DIR / "manage.py"), "work")
        stack.wait_for("model", f"http://127.0.0.1:{self.model}/health")
        stack.wait_for("web", f"{self.url}/health")

    def _show(self, stack: Stack) -> None:
        messages = len(MESSAGES.read_text(encoding="utf-8").splitlines())
        made = seed(model_url=self.model_url, threshold=messages)
        before = self._served(made)
        _say(f"an application answers {messages} messages and logs how it did")
        _say(self._application(stack, made))
        job = self._follow(stack, made)
        winner = self._winner(job)
        means = rescored(job, winner)
        self._proposed(stack, winner)
        version_approve(actor=Actor.member(made.approver, made.project), version=winner)
        after = self._served_anew(made, winner)
        self._merged(stack, winner)
        _write("\n" + table(summary(job, winner, means)))
        self._texts(before["artifact"], after["artifact"])
        self._sign_ins(made)

    def _proposed(self, stack: Stack, winner: PromptVersion) -> None:
        pull = wait_for_pull(stack, winner, PullRequestState.OPEN)
        _say(f"proposed in git: branch {pull.head}")
        _write(f"    git -C {repository_folder(pull)} show {pull.head}")

    def _merged(self, stack: Stack, winner: PromptVersion) -> None:
        pull = wait_for_pull(stack, winner, PullRequestState.MERGED)
        check_merged(pull)
        _say(f"merged into {pull.repository.base_branch} as {pull.merge_sha[:12]}")

    def _application(self, stack: Stack, made: Seed) -> str:
        stack.environment |= {
            "KAIZEN_URL": self.url,
            "KAIZEN_API_KEY": made.key,
            "MODEL_URL": self.model_url,
        }
        return stack.run("application", str(SDK / "examples" / "support_desk.py"), str(MESSAGES))

    def _follow(self, stack: Stack, made: Seed) -> Job:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            stack.check()
            jobs = list(Job.objects.filter(task=made.task))
            if len(jobs) > 1:
                raise DemoFailed(f"{len(jobs)} jobs were started, one was expected")
            if jobs:
                self._progress(jobs[0])
            if jobs and jobs[0].state not in LIVE_JOB_STATES:
                return self._checked(jobs[0])
            time.sleep(0.3)
        raise DemoFailed(f"no job ended within {PATIENCE_S} s; the logs are in {stack.folder}")

    def _checked(self, job: Job) -> Job:
        _write("")
        if job.state != JobState.SUCCEEDED:
            raise DemoFailed(f"the job {job.state}: {job.stop_reason} {job.error}")
        return job

    def _progress(self, job: Job) -> None:
        sentence = f"  {job.progress:3d} %  {job_sentence(job)}"
        if sys.stdout.isatty():
            _write(f"\r\x1b[2K{sentence}", end="")
        elif sentence != self.last_sentence:
            _write(sentence)
        self.last_sentence = sentence

    def _winner(self, job: Job) -> PromptVersion:
        if job.result_version is None:
            raise DemoFailed(f"the job made no version; its verdict is {job.verdict}")
        return job.result_version

    def _served(self, made: Seed) -> dict[str, Any]:
        address = f"{self.url}/api/v1/tasks/{made.task.slug}/prompt"
        answer = httpx.get(address, headers={"X-API-Key": made.key}, timeout=5)
        body: dict[str, Any] = answer.raise_for_status().json()
        return body

    def _served_anew(self, made: Seed, winner: PromptVersion) -> dict[str, Any]:
        """Wait until clients are served the approved text, within the freshness bound."""
        start = time.monotonic()
        while time.monotonic() - start < FRESHNESS_S:
            served = self._served(made)
            if served["hash"] == winner.hash:
                _say(f"approved, and served {time.monotonic() - start:.1f} s later")
                return served
            time.sleep(0.1)
        raise DemoFailed(f"the approved prompt was not served within {FRESHNESS_S} s")

    def _texts(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        for title, artifact in (("served before", before), ("served after", after)):
            _write(f"\n--- {title} ---\n{artifact['system']}")
            for demo in artifact["demos"]:
                _write(f"  {demo['inputs']['message']} -> {demo['outputs']['desk']}")

    def _sign_ins(self, made: Seed) -> None:
        _write(f"\n{self.url}/p/{made.project.slug}/")
        for name, password in made.passwords.items():
            _write(f"  {name:<9} {password}")

    def _stay(self, stack: Stack) -> None:
        _say("up until Ctrl-C")
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                stack.check()
                time.sleep(1)
        _say("stopped")


def _say(text: str) -> None:
    _write(f"* {text}")


def _write(text: str, *, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()
