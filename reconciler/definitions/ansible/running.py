"""What of a playbook runs whatever the machine is like: tasks without a condition, and the files that they bring in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import yaml

from reconciler.definitions.ansible.tasks import OWN_FOLDER, arguments, calls, entries, fields, items, last_word

_TASKS = frozenset({"pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always"})
_FILES = frozenset({"include", "include_tasks", "import_tasks", "import_playbook"})
ROLE_TASKS = frozenset({"include_role", "import_role"})
ROLE_LISTS = frozenset({"roles", "dependencies"})
_INIT_MODULES = frozenset({"systemd", "systemd_service"})


@dataclass(kw_only=True)
class Running:
    """The files and roles that are brought in, as they are named; and whether a task uses a module that talks to systemd."""

    files: set[str] = field(default_factory=set)
    roles: set[str] = field(default_factory=set)
    needs_init: bool = False


def running(root: yaml.Node | None) -> Running:
    """Read the plays or tasks of a file, or what a role depends on. Any other mapping holds values, whatever their names."""
    found = Running()
    todo, seen = [*items(root)], set[int]()
    if isinstance(root, yaml.MappingNode):
        found.roles.update(_roles(value for word, value in entries(root) if word == "dependencies"))
    while todo:
        node = todo.pop()
        if id(node) not in seen and not _doubtful(node):
            seen.add(id(node))
            todo += _take(node, found)
    return found


def _doubtful(node: yaml.Node) -> bool:
    """Whether a condition may keep a task, a block or a role from running."""
    return any(word == "when" for word, _ in entries(node))


def _take(node: yaml.Node, found: Running) -> Iterator[yaml.Node]:
    """Take what a play or a task says; the tasks within it come back."""
    for key, value in calls(node):
        word = last_word(key)
        if word in _TASKS:
            yield from items(value)
        elif word in _FILES:
            named = arguments(node, value, "", "file")
            found.files.update(OWN_FOLDER.sub("", name.value) for name in named)
        elif word in ROLE_TASKS and not arguments(node, value, "tasks_from"):
            found.roles.update(name.value for name in arguments(node, value, "name"))
        elif word == "roles":
            found.roles.update(_roles([value]))
        elif word in _INIT_MODULES:
            found.needs_init = True


def _roles(lists: Iterable[yaml.Node]) -> Iterator[str]:
    """The roles of lists of roles that are there in any case."""
    for item in (i for node in lists for i in items(node)):
        if not _doubtful(item):
            yield from role_names(item)


def role_names(item: yaml.Node) -> list[str]:
    """How an entry of a list of roles names its role."""
    return [item.value] if isinstance(item, yaml.ScalarNode) else fields(item, "role", "name")
