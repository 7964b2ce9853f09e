"""What upper apps may listen to."""

from django.dispatch import Signal

# Sent on commit with `task_id`. A hint: `selectors.tasks_over_threshold` finds what it missed.
threshold_reached = Signal()
