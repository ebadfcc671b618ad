"""Names the code that reads definitions: this program's files, the interpreter, and the libraries that decide something."""

import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

import reconciler
from reconciler.core.digests import digest

_DECIDING = ("apscheduler", "google-re2", "markdown-it-py", "pydantic", "pyyaml", "regress")


@cache
def edition() -> str:
    """A digest that changes whenever equal definitions could be read otherwise. Files count by size and time of change."""
    folder = Path(reconciler.__file__).parent
    files = [(str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.rglob("*.py"))]
    return digest([sys.version, files, [(name, version(name)) for name in _DECIDING]])
