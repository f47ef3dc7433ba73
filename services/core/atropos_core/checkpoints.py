"""What handlers keep with `ctx.checkpoint` from one attempt to the next: one value for a task, gone with the task.

As in tasks.py nothing here commits.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from atropos_core import transitions
from atropos_core.models import Checkpoint
from atropos_core.tasks import Claim


def keep(session: Session, claim: Claim, value: str) -> bool:
    """Store JSON text in place of the checkpoint before; False, and nothing stored, if the claim holds no more."""
    values = {"task_id": claim.task_id, "fence": claim.fence, "value": value}
    return session.execute(transitions.KEEP_CHECKPOINT, values).first() is not None


def last(session: Session, task_id: UUID) -> Any | None:
    """The newest checkpoint of the task, whoever stored it; None if there is none."""
    return session.scalar(select(Checkpoint.value).where(Checkpoint.task_id == task_id))
