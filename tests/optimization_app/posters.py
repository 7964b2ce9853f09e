"""Eight applications at once: each process posts its share of feedback to every task in turn.

python -m tests.optimization_app.posters <processes> <posts each> <tasks>
"""

import multiprocessing
import sys
from multiprocessing.synchronize import Barrier

TEXT = {"text": "where is my parcel"}


def post(number: int, posts: int, tasks: int, barrier: Barrier) -> None:
    import django

    django.setup()
    from feedback_app.services.feedback import feedback_log
    from feedback_app.wire import FeedbackItem
    from projects_app.actors import Actor
    from projects_app.models import Project

    actor = Actor.system(Project.objects.get().pk)
    for task in range(tasks):
        barrier.wait()
        for post_number in range(posts):
            feedback_log(
                actor=actor,
                item=FeedbackItem(
                    task=f"task-{task}",
                    event_id=f"{task}-{number}-{post_number}",
                    inputs=TEXT,
                    output={"label": "K2"},
                    score=1.0,
                ),
            )


def main(processes: int, posts: int, tasks: int) -> int:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(processes)
    workers = [
        context.Process(target=post, args=(number, posts, tasks, barrier))
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return max(abs(worker.exitcode or 0) for worker in workers)


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:])))
