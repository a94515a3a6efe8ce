"""The CEL library without its command line, whose import would cost 24 MB in every process."""

from __future__ import annotations

import sys
from types import ModuleType

# The package imports `cel.cli` (rich, typer, prompt-toolkit) before it offers anything.
sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))

import cel  # noqa: E402
from cel import stdlib  # noqa: E402

__all__ = ["cel", "stdlib"]
