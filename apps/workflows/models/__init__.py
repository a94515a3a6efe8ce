"""Workflow definitions, their runs, approvals, and what starts them."""

from apps.workflows.models.approvals import (
    Approval,
    ApprovalDecision,
    Notice,
)
from apps.workflows.models.runs import (
    Run,
    RunData,
    Step,
    Workflow,
    WorkflowVersion,
)
from apps.workflows.models.starts import (
    Schedule,
    ScheduleTick,
    Trigger,
)
from apps.workflows.models.states import (
    RUN_OPEN,
    RUN_OVER,
    RUNS,
    STEP_OPEN,
    STEP_OVER,
    STEPS,
    ApprovalState,
    Misfire,
    NoticeKind,
    NoticeState,
    Origin,
    Overlap,
    RunStatus,
    StepKind,
    StepStatus,
    TickOutcome,
)

__all__ = [
    "RUNS",
    "RUN_OPEN",
    "RUN_OVER",
    "STEPS",
    "STEP_OPEN",
    "STEP_OVER",
    "Approval",
    "ApprovalDecision",
    "ApprovalState",
    "Misfire",
    "Notice",
    "NoticeKind",
    "NoticeState",
    "Origin",
    "Overlap",
    "Run",
    "RunData",
    "RunStatus",
    "Schedule",
    "ScheduleTick",
    "Step",
    "StepKind",
    "StepStatus",
    "TickOutcome",
    "Trigger",
    "Workflow",
    "WorkflowVersion",
]
