"""Everything that linting can say, by the stable name under which it says it. ``docs/format.md`` shows the same table."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]
RuleId = Literal[
    "too-big",
    "not-utf8",
    "not-json",
    "not-yaml",
    "no-front-matter",
    "empty-file",
    "misnamed-file",
    "misplaced-file",
    "symbolic-link",
    "unknown-field",
    "missing-field",
    "duplicate-field",
    "wrong-type",
    "wrong-value",
    "unknown-value",
    "misplaced-field",
    "misplaced-variable",
    "mixed-shapes",
    "key-path",
    "secret",
    "more-problems",
    "duplicate-name",
    "duplicate-host",
    "two-inventories",
    "not-an-inventory",
    "connection-variable",
    "unknown-host",
    "unused-host",
    "unknown-credential",
    "jump-host",
    "unnamed-host",
    "unknown-template",
    "template-loop",
    "unknown-specialty",
    "unknown-engine",
    "unknown-adapter",
    "unknown-scenario",
    "unknown-tag",
    "no-hosts",
    "no-agents",
    "no-image",
    "needs-init",
    "playbook-path",
    "not-a-playbook",
    "missing-include",
    "leaves-repository",
    "bad-pattern",
    "odd-pattern",
    "slow-pattern",
    "never-matches",
    "never-fails",
    "never-passes",
    "bad-schedule",
    "bad-timezone",
    "ignored-rule",
    "guard-names-nobody",
    "idle-benchmark",
    "empty-prompt",
    "unread-body",
    "runbook",
]


class LintRule(NamedTuple):
    """``severity`` is the usual one: what nothing needs may be a warning. ``write`` is the hint where a finding has no better one."""

    severity: Severity
    wrong: str
    write: str


LINT_RULES: Mapping[RuleId, LintRule] = {
    "too-big": LintRule("error", "the file is bigger than 1 MiB", "keep data in a file of its own"),
    "not-utf8": LintRule("error", "the file is not UTF-8 text", "save it as UTF-8"),
    "not-json": LintRule("error", "the file is not JSON, or is nested too deeply", "put right what the message names"),
    "not-yaml": LintRule(
        "error", "the file is not one YAML document, has aliases, or is nested too deeply", "put right what is named"
    ),
    "no-front-matter": LintRule(
        "error", "a `.mdx` file does not begin with front matter", "begin with a line `---`, fields, a line `---`"
    ),
    "empty-file": LintRule("error", "there is nothing in the file", "write the fields that it needs"),
    "misnamed-file": LintRule("error", "a file of this name is not read", "the name that the message gives"),
    "misplaced-file": LintRule(
        "warning", "a file lies where nothing reads it, in a misspelt folder or too deep", "move it to the folder named"
    ),
    "symbolic-link": LintRule(
        "error", "a symbolic link or a submodule stands where definitions are", "put a copy of the file there"
    ),
    "unknown-field": LintRule("error", "no such field is known here", "write the nearest name, or take it out"),
    "missing-field": LintRule("error", "a field that is needed is not there", "write it"),
    "duplicate-field": LintRule("error", "a field is written twice", "keep one of them"),
    "wrong-type": LintRule("error", "a value has the wrong type", "write text in quotes, a list in brackets"),
    "wrong-value": LintRule("error", "a value is out of bounds or not understood", "write what the message asks for"),
    "unknown-value": LintRule("error", "a value is none of those that are known", "write the nearest one"),
    "misplaced-field": LintRule(
        "error",
        "a field says nothing to its validator, or a target is not known in its scope",
        "take it out or move it",
    ),
    "misplaced-variable": LintRule(
        "error", "a `${NAME}` stands where nothing replaces it", "write it in a credential's `value` alone"
    ),
    "mixed-shapes": LintRule(
        "error", "a scenario has fields of two versions' shapes", "write it in one shape; the message says which fields"
    ),
    "key-path": LintRule(
        "warning",
        "in the shape of 0.3 and 0.4, a scenario's key is not its folder",
        "move the folder, or migrate the file",
    ),
    "secret": LintRule("warning", "a secret is written out", "name where it comes from instead"),
    "more-problems": LintRule("error", "a file has more problems of one kind than 100", "mend the first ones"),
    "duplicate-name": LintRule("error", "two files declare one name", "give each its own name"),
    "duplicate-host": LintRule(
        "error", "two hosts of a scenario, or a host and a group of its inventory, have one name", "give each its own"
    ),
    "two-inventories": LintRule("error", "a scenario has `inventory.ini` and `inventory.yml`", "keep one of them"),
    "not-an-inventory": LintRule("error", "Ansible would not read the inventory", "put right what is named"),
    "connection-variable": LintRule(
        "warning", "a scenario says how a host is reached; in `host_vars/` it is an error", "take it out"
    ),
    "unknown-host": LintRule("error", "a host is named that is not there", "name one of the hosts"),
    "unused-host": LintRule("warning", "a host of a scenario has no agent", "give it one, or take it out"),
    "unknown-credential": LintRule("error", "no credential has this name", "name one that exists"),
    "jump-host": LintRule(
        "error", "a host is reached through one that is no jump host, or through itself", "name a jump host"
    ),
    "unnamed-host": LintRule(
        "warning", "which host of the inventory a host given by its id is cannot be told", "write its `host_name`"
    ),
    "unknown-template": LintRule("error", "no template has this name", "name one that exists"),
    "template-loop": LintRule("error", "a template is its own ancestor", "break the loop"),
    "unknown-specialty": LintRule("error", "no specialty has this name", "name one that exists"),
    "unknown-engine": LintRule("error", "no engine has this name", "name one that exists"),
    "unknown-adapter": LintRule("error", "no adapter has this name", "name one that exists"),
    "unknown-scenario": LintRule(
        "error", "a benchmark selects a key or tag that nothing bears", "name one that exists"
    ),
    "unknown-tag": LintRule("error", "a rule or a host has a tag of no known class", "write a documented class"),
    "no-hosts": LintRule("error", "a benchmark's mode needs hosts, and the scenario has none", "add hosts"),
    "no-agents": LintRule("error", "a variant leaves the specialty to agents, and there are none", "add agents"),
    "no-image": LintRule("error", "a template has no image for a benchmark's mode", "add the image"),
    "needs-init": LintRule("error", "a playbook talks to systemd, and mode namespace has none", "use mode incus"),
    "playbook-path": LintRule("error", "a playbook does not exist or leaves its folder", "put it into the folder"),
    "not-a-playbook": LintRule("error", "a playbook is no list of plays with hosts", "begin with `- hosts: all`"),
    "missing-include": LintRule("error", "a playbook includes a file that does not exist", "name one that exists"),
    "leaves-repository": LintRule("error", "a playbook names a file outside of the repository", "put a copy into it"),
    "bad-pattern": LintRule("error", "a pattern does not compile", "write it as JavaScript does"),
    "odd-pattern": LintRule(
        "warning", "JavaScript reads a part of a pattern in another way than it looks", "write what the message names"
    ),
    "slow-pattern": LintRule(
        "warning",
        "a pattern may run out of time: a repetition can divide one text in many ways",
        "let its parts differ",
    ),
    "never-matches": LintRule("warning", "a pattern can never match any text", "take out what stands against it"),
    "never-fails": LintRule("warning", "a rule holds whatever an agent does", "ask for something that can be missing"),
    "never-passes": LintRule("warning", "a rule fails whatever an agent does", "ask for something else"),
    "bad-schedule": LintRule(
        "error", "a schedule is not five-field cron, or its date never comes", 'such as `"0 2 * * *"`'
    ),
    "bad-timezone": LintRule("error", "no time zone has this name", "such as `UTC` or `Europe/Paris`"),
    "ignored-rule": LintRule("warning", "a rule stands where it is never decided", "move it to `validation.job`"),
    "guard-names-nobody": LintRule(
        "warning", "a guard allows an agent or a host that the scenario does not have", "write the nearest id or name"
    ),
    "idle-benchmark": LintRule("warning", "nothing ever starts a benchmark", "`on_change: true`, or a schedule"),
    "empty-prompt": LintRule("warning", "a specialty has no prompt", "write it below the front matter"),
    "unread-body": LintRule("warning", "text stands where none is read", "take it out"),
    "runbook": LintRule(
        "warning",
        "the engine `runbook` would refuse the prompt, or not carry out a part of it",
        "put right what is named",
    ),
}
