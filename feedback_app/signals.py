"""What upper apps may listen to."""

from django.dispatch import Signal

# Sent on commit with `task_id`. A hint: `selectors.tasks_over_threshold` finds what it missed.
threshold_reached = Signal()

# Sent with `feedback` and `examples` while their texts are about to be overwritten, in that very
# transaction: whoever keeps a copy overwrites it, and returns sentences on what it may not change.
texts_redacted = Signal()

# Sent with `hashes`, of artifacts that applications were served; whoever knows versions returns
# their numbers by (task id, hash).
versions_asked = Signal()
