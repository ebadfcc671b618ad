"""What became of a sandbox's files, and whether it has a network: asked inside of it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.core.errors import Transient
from reconciler.ports import Sandbox

_LOOK = Path(__file__).with_name("look.py").read_text(encoding="utf-8")
_SECONDS = 120.0
_LIMIT = 8 << 20
_MOST = 50_000


async def moment(sandbox: Sandbox) -> int:
    """The present in the sandbox's own time, in nanoseconds."""
    return int((await _ask(sandbox, "0"))["now"])


async def changed(sandbox: Sandbox, since: int) -> tuple[Sequence[str], int]:
    """The paths that changed since a moment of the sandbox's, and the moment after."""
    answer = await _ask(sandbox, str(since))
    return list(answer["changed"]), int(answer["now"])


async def not_shared(paths: Sequence[str], since: int, twin: Sandbox) -> Sequence[str]:
    """Without what changed in an untouched sandbox as well, or in a folder that did: that of a host which both show."""
    theirs = {*(await changed(twin, since))[0]}
    return [path for path in paths if theirs.isdisjoint((path, path.rpartition("/")[0]))]


async def differences(sandbox: Sandbox, paths: Sequence[str], twin: Sandbox) -> Sequence[str]:
    """How files differ from those of a machine that nobody touched."""
    if len(paths) >= _MOST:
        return [f"{_MOST} files and more that changed"]
    asked = json.dumps(paths).encode()
    here, there = await _ask(sandbox, "state", asked), await _ask(twin, "state", asked)
    return [_difference(path, here[path], there[path]) for path in paths if here[path] != there[path]]


def _difference(path: str, here: Sequence[Any] | None, there: Sequence[Any] | None) -> str:
    if here is None or there is None:
        return f"{path} {'missing' if here is None else 'behind'}"
    if here[:-1] == there[:-1] and isinstance(here[-1], list) and isinstance(there[-1], list):
        names = sorted(set(here[-1]) ^ set(there[-1]))
        return f"{path} with other names in it ({', '.join(names[:3])})"
    return f"{path} changed"


async def interfaces(sandbox: Sandbox) -> Sequence[str]:
    """The names of its network interfaces."""
    done = await sandbox.run(["cat", "/proc/net/dev"], timeout=_SECONDS)
    return [line.split(":")[0].strip() for line in done.stdout.decode().splitlines() if ":" in line]


def by_itself(path: str, lively: Sequence[str]) -> bool:
    """Whether ``path`` lies in a folder in which something changed while nobody did anything."""
    return path in lively or path.rpartition("/")[0] in {other.rpartition("/")[0] for other in lively}


async def _ask(sandbox: Sandbox, what: str, stdin: bytes = b"") -> Mapping[str, Any]:
    command = ["/usr/bin/python3", "-c", _LOOK, what]
    done = await sandbox.run(command, stdin=stdin, timeout=_SECONDS, limit=_LIMIT)
    if done.exit_code != 0:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no answer"])[-1]
        raise Transient("sandbox", f"the files of {sandbox.name} cannot be looked at: {said}")
    answer: Mapping[str, Any] = json.loads(done.stdout)
    return answer
