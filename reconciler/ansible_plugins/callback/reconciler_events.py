"""Ansible stdout callback: one JSON object per line, and at the end a recap that says how everything ended.

    {"event": "task", "name": …}
    {"event": "result", "host": …, "status": "ok|changed|skipped|failed|ignored|unreachable", "task": …, "message": …}
    {"event": "recap", "hosts": {host: {"ok": n, "changed": n, "failures": n, "unreachable": n, …}}, "unmatched": [pattern],
     "ended_by": {host: {"task": …, "message": …}}, "broken": {host: {"task": …, "message": …}}, "altered": [task]}

``broken`` is the first task that could not be carried out as written, ignored and rescued ones too. ``altered`` are the tasks
that reported a change, without those that only run a command: of these Ansible says so always.

Loaded by path by ansible-playbook. Results of ``no_log`` tasks arrive here censored.
"""

import json
import re
import sys

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: reconciler_events
type: stdout
short_description: JSON lines for the program that runs the playbook
description: One JSON object per task, result and recap.
"""

_COMMANDS = {"command", "shell", "script", "raw", "expect"}
_REFUSED = re.compile(
    r"Unsupported parameters for|missing required arguments|value of .+ must be|is of type .+ and we were unable to convert"
    r"|parameters are (?:mutually exclusive|required)|one of the following is required|Failed to import the required Python"
)
"""What a module says of arguments that it does not take, or of a library that it lacks."""
_LONGEST = 2000
"""Characters of a message; the middle of a longer one is left out."""


class CallbackModule(CallbackBase):
    """Tells what happens."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "reconciler_events"

    def __init__(self):
        super().__init__()
        self._unmatched, self._ended_by, self._broken, self._altered = [], {}, {}, {}

    def v2_playbook_on_play_start(self, play):
        self._hosts = play.hosts

    def v2_playbook_on_no_hosts_matched(self):
        self._unmatched += self._hosts

    def v2_playbook_on_task_start(self, task, is_conditional):
        _tell(event="task", name=task.get_name())

    def v2_playbook_on_handler_task_start(self, task):
        _tell(event="task", name=task.get_name())

    def v2_runner_on_ok(self, result):
        self._result(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_skipped(self, result):
        self._result(result, "skipped")

    def v2_runner_item_on_failed(self, result):
        self._look_for_a_break(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._look_for_a_break(result)
        self._result(result, "ignored" if ignore_errors else "failed", _message(result.result))

    def v2_runner_on_unreachable(self, result):
        self._result(result, "unreachable", _message(result.result))

    def v2_playbook_on_stats(self, stats):
        hosts = {host: stats.summarize(host) for host in sorted(stats.processed)}
        told = {"unmatched": self._unmatched, "ended_by": self._ended_by, "broken": self._broken}
        _tell(event="recap", hosts=hosts, altered=list(self._altered), **told)

    def _look_for_a_break(self, result):
        if _is_broken(result):
            found = {"task": result.task.get_name(), "message": _message(result.result)}
            self._broken.setdefault(result.host.get_name(), found)

    def _result(self, result, status, message=""):
        host, task = result.host.get_name(), result.task.get_name()
        if status in ("failed", "unreachable"):
            self._ended_by[host] = {"task": task, "message": message}
        if status == "changed" and result.task.action.rsplit(".", 1)[-1] not in _COMMANDS:
            self._altered[task] = True
        _tell(event="result", host=host, status=status, task=task, message=message)


def _is_broken(result):
    """Whether a failure says something of the playbook: a template, a file or an argument is wrong, a module cannot run.

    Where a module or an action did its work and found a fault, ansible-core 2.19 says so as the error's first cause.
    """
    told = result.result
    if "results" in told and result.exception is None:  # a loop: each item was looked at
        return False
    cause = result.exception and result.exception.event.chain
    answered = cause is not None and cause.event.msg in ("Module failed.", "Action failed.")
    silent = "module_stderr" in told or "module_stdout" in told
    confused = isinstance(told.get("failed_when_result"), str)
    return not answered or silent or confused or _REFUSED.search(str(told.get("msg", ""))) is not None


def _message(result):
    """What a person needs to know of a result: its message, and what a failed command said last."""
    failed = [item for item in result.get("results", []) if isinstance(item, dict) and item.get("failed")]
    result = failed[0] if failed else result
    said = result.get("stderr") or result.get("module_stderr") or result.get("stdout") or result.get("module_stdout")
    text = "\n".join(
        str(part).strip() for part in (result.get("censored"), result.get("msg"), result.get("reason"), said) if part
    )
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}\n[...]\n{text[-half:]}"


def _tell(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
