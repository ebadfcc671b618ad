"""Ansible stdout callback: one JSON object per line, and at the end a recap that says how everything ended.

    {"event": "task", "name": …}
    {"event": "result", "host": …, "status": "ok|changed|skipped|failed|ignored|unreachable", "task": …, "message": …}
    {"event": "recap", "hosts": {host: {"ok": n, "changed": n, "failures": n, "unreachable": n, …}}, "unmatched": [pattern],
     "ended_by": {host: {"task": …, "message": …}}}

Loaded by path by ansible-playbook. Results of ``no_log`` tasks arrive here censored.
"""

import json
import sys

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: reconciler_events
type: stdout
short_description: JSON lines for the program that runs the playbook
description: One JSON object per task, result and recap.
"""

_LONGEST = 2000
"""Characters of a message; the middle of a longer one is left out."""


class CallbackModule(CallbackBase):
    """Tells what happens."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "reconciler_events"

    def __init__(self):
        super().__init__()
        self._unmatched, self._ended_by = [], {}

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

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._result(result, "ignored" if ignore_errors else "failed", _message(result.result))

    def v2_runner_on_unreachable(self, result):
        self._result(result, "unreachable", _message(result.result))

    def v2_playbook_on_stats(self, stats):
        hosts = {host: stats.summarize(host) for host in sorted(stats.processed)}
        _tell(event="recap", hosts=hosts, unmatched=self._unmatched, ended_by=self._ended_by)

    def _result(self, result, status, message=""):
        host, task = result.host.get_name(), result.task.get_name()
        if status in ("failed", "unreachable"):
            self._ended_by[host] = {"task": task, "message": message}
        _tell(event="result", host=host, status=status, task=task, message=message)


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
