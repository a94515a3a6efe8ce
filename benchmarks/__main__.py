"""`python -m benchmarks [name …] [--option=value …]`: run all, or the named ones with their options."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks

NAMES = sorted(
    module.name
    for module in pkgutil.iter_modules(benchmarks.__path__)
    if not module.name.startswith("_") and module.name != "tables"
)


def main() -> None:
    wanted = [word for word in sys.argv[1:] if not word.startswith("--")] or NAMES
    if unknown := [name for name in wanted if name not in NAMES]:
        raise SystemExit(f"unknown: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in wanted:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n=== {name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
        module.main()


if __name__ == "__main__":
    main()
