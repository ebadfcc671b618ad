"""An idle daemon over a minute, beside an interpreter that watches the same repository and does nothing else."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure, tell
from tests.world import World, definitions

SECONDS = 70.0
"""Long enough for one poll at least, with its jitter."""
_WATCHER = """
import asyncio, sys
from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer
observer = Observer()
observer.schedule(FileSystemEventHandler(), sys.argv[1], recursive=True)
observer.start()
print(flush=True)
asyncio.run(asyncio.sleep(1e6))
"""


def measure(folder: Path) -> Sequence[Figure]:
    """A daemon that has run its trial. Its polls are in: what the minute costs its children is counted, too."""
    world = World(folder, definitions("alpha"))
    watcher = subprocess.Popen([sys.executable, "-c", _WATCHER, str(world.remote / "refs")], stdout=subprocess.PIPE)
    try:
        assert watcher.stdout is not None
        watcher.stdout.readline()
        with world.daemon() as daemon:
            daemon.settle(within=300)
            tell(f"idle for {SECONDS:g} s")
            floor, ours = _over(SECONDS, watcher.pid, daemon.process.pid)
    finally:
        watcher.kill()
        watcher.communicate()
    return [
        Figure(what="idle daemon, resident", floor=floor[0], ours=ours[0], unit="MB", limit=80, bounds="ours"),
        Figure(what="idle daemon, of a core", floor=floor[1], ours=ours[1], unit="%", limit=0.5, bounds="ours"),
    ]


def _over(seconds: float, *pids: int) -> list[tuple[float, float]]:
    """For each process, with its children: resident MB at the end, and percent of a core over the time."""
    before = [_cpu(pid) for pid in pids]
    time.sleep(seconds)
    return [(_resident(pid), (_cpu(pid) - cpu) / seconds * 100) for pid, cpu in zip(pids, before, strict=True)]


def _cpu(pid: int) -> float:
    """Seconds of processor time of a process and of its children, those that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + sum(_cpu(child) for child in _children(pid))


def _resident(pid: int) -> float:
    """MB of memory of a process and of its living children; what they share counts once for each."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6 + sum(_resident(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    return [int(c) for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text().split()]
