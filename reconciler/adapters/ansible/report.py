"""What a run of ansible-playbook says, as a result or as the reason why there is none."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.errors import Transient
from reconciler.core.model import PlaybookResult
from reconciler.ports import Completed

_LONGEST = 20_000
"""Characters of a result's ``output``; the beginning of a longer one is left out."""

_ERROR_LONGEST = 500
_ERROR = re.compile(
    r"^\[ERROR\]: (?P<text>.+(?:\n(?!Origin: ).+)*)(?:\nOrigin: (?P<path>.+):(?P<line>\d+):\d+)?", re.MULTILINE
)
"""An error as ansible-core 2.19 tells it: some lines of text, and where it comes from."""


_NO_ANSWER = "no answer: "
"""How our connection plugins tell that the server between us and the machine failed: nothing is known about the machine."""


class Unreached(Transient):
    """No play can be carried out on ``host``. Whether it ever could, the report does not know."""

    def __init__(self, host: str, message: str) -> None:
        super().__init__("sandbox", message)
        self.host = host


class Report:
    """The events of one run (see the callback plugin), read from its stdout."""

    def __init__(self, ended: Completed, *, folder: str) -> None:
        """``folder`` is left out of paths in messages."""
        self.exit_code = ended.exit_code
        told, errors = (
            text.decode(errors="replace").replace(f"{folder}/", "") for text in (ended.stdout, ended.stderr)
        )
        self._events, self._errors = _events(told), errors.strip()
        recap = [event for event in self._events if event["event"] == "recap"]
        self.recap: Mapping[str, Any] | None = recap[-1] if recap else None

    def hosts(self, what: str) -> list[str]:
        """The hosts with at least one ``failures``, ``unreachable`` …"""
        return [host for host, counts in self.recap["hosts"].items() if counts[what]] if self.recap else []

    def error(self) -> str:
        """The first error that Ansible told, with its place: ``scenarios/x/prepare.yml:3: …``."""
        found = _ERROR.search(self._errors)
        if not found:
            return _line(self._errors[-_ERROR_LONGEST:]) or f"ansible-playbook ended with exit code {self.exit_code}"
        place = f"{found['path']}:{found['line']}: " if found["path"] else ""
        return place + _line(found["text"])[:_ERROR_LONGEST]

    def output(self) -> str:
        """What happened, for a person: the tasks, how each host took them, then warnings and errors."""
        text = "\n".join(filter(None, [*map(_told, self._events), self._errors]))
        return text if len(text) <= _LONGEST else "[...]\n" + text[-_LONGEST:]


def judge(playbook: str, hosts: Sequence[str], reports: Sequence[Report]) -> PlaybookResult:
    """The result of the runs that make up one play over ``hosts``. Raises ``Transient``."""
    recaps = []
    for report in reports:
        if report.recap is None:
            error = report.error()
            raise Transient("playbook", error if error.startswith(playbook) else f"{playbook}: {error}")
        for host in report.hosts("unreachable"):
            message = f"{host} cannot be reached: {_line(report.recap['ended_by'][host]['message'])}"
            raise Transient("sandbox", message) if _NO_ANSWER in message else Unreached(host, message)
        recaps.append(report.recap)
    if not any(host in recap["hosts"] for recap in recaps for host in hosts):
        why = f"its hosts match none of {', '.join(hosts)}" if any(r["unmatched"] for r in recaps) else "it has none"
        raise Transient("playbook", f"{playbook} ran no task: {why}")
    ended_by = [
        recap["ended_by"].get(h, {}) for recap, r in zip(recaps, reports, strict=True) for h in r.hosts("failures")
    ]
    broken = [found for recap in recaps for found in recap["broken"].values()]
    return PlaybookResult(
        passed=not ended_by,
        failed_task=ended_by[0].get("task", "") if ended_by else None,
        message=ended_by[0].get("message", "") if ended_by else None,
        altered=tuple(dict.fromkeys(task for recap in recaps for task in recap["altered"])),
        broken=next((f"{b['task']}: {_line(b['message'])}" for b in broken), "") if ended_by else "",
        changed=sum(counts["changed"] for recap in recaps for counts in recap["hosts"].values()),
        output="\n".join(report.output() for report in reports)[-_LONGEST:],
    )


def _events(stdout: str) -> list[dict[str, Any]]:
    events = []
    for line in stdout.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            event = {"event": "text", "text": line}
        events.append(event if isinstance(event, dict) and "event" in event else {"event": "text", "text": line})
    return events


def _told(event: Mapping[str, Any]) -> str:
    match event["event"]:
        case "task":
            return f"TASK {event['name']}"
        case "result":
            return f"  {event['host']}: {event['status']}" + (f": {event['message']}" if event["message"] else "")
        case "text":
            return str(event["text"])
        case _:
            return ""


def _line(text: str) -> str:
    return " ".join(text.split())
