"""What of a playbook runs, and has to succeed, whatever the machine is like: tasks without a condition, and the files that they bring in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import yaml

from reconciler.definitions.ansible.tasks import OWN_FOLDER, arguments, calls, entries, fields, items, last_word, texts

_TASKS = frozenset({"pre_tasks", "tasks", "post_tasks", "block", "rescue", "always"})
"""Lists of tasks that come in turn. Handlers may never."""
_CONDITIONS = frozenset({"when", "ignore_errors", "failed_when"})
_ENDS = frozenset({"end_play", "end_host", "end_batch"})
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
    todo, seen = [(node, True) for node in reversed(items(root))], set[tuple[int, bool]]()
    if isinstance(root, yaml.MappingNode):
        found.roles.update(_roles(value for word, value in entries(root) if word == "dependencies"))
    while todo:
        node, sure = todo.pop()
        sure = sure and not _doubtful(node)
        if _may_end(node):
            _drop_the_rest_of_the_play(todo)
        elif (id(node), sure) not in seen:
            seen.add((id(node), sure))
            todo += reversed([*_within(node, sure=sure)])
            if sure:
                _take(node, found)
    return found


def _doubtful(node: yaml.Node) -> bool:
    """Whether a task, a block, a role or a play may not run, or may fail without harm."""
    return any(_is_condition(key, value) for key, value in entries(node))


def _is_condition(key: str, value: yaml.Node) -> bool:
    if key == "tags":
        return "never" in _words(value)
    if key == "loop" or key.startswith("with_"):
        return not _sure_to_loop(value)
    return key in _CONDITIONS


def _words(value: yaml.Node) -> list[str]:
    """The words of a list, or of a text that stands for one."""
    return [word.strip() for text in texts(value) for word in text.split(",")]


def _sure_to_loop(value: yaml.Node) -> bool:
    """Whether a loop has an item in any case: one is written out."""
    return any(not isinstance(item, yaml.ScalarNode) or "{{" not in item.value for item in items(value))


def _may_end(task: yaml.Node) -> bool:
    """Whether a task may end the play, so that what follows in it does not run."""
    return any(
        last_word(key) == "meta" and value.value.strip() in _ENDS
        for key, value in calls(task)
        if isinstance(value, yaml.ScalarNode)
    )


def _drop_the_rest_of_the_play(todo: list[tuple[yaml.Node, bool]]) -> None:
    while todo and not _is_play(todo[-1][0]):
        todo.pop()


def _is_play(node: yaml.Node) -> bool:
    return any(word in ("hosts", "import_playbook") for word, _ in entries(node))


def _within(node: yaml.Node, *, sure: bool) -> Iterator[tuple[yaml.Node, bool]]:
    """The tasks within a play or a block, each with whether it is sure to run and must not fail."""
    lists = {word: value for word, value in entries(node) if word in _TASKS}
    doubtful = {"rescue", "block"} if "rescue" in lists else set[str]()
    yield from ((task, sure and word not in doubtful) for word, tasks in lists.items() for task in items(tasks))


def _take(node: yaml.Node, found: Running) -> None:
    """Take what a play or a task says by itself."""
    for key, value in calls(node):
        word = last_word(key)
        if word in _FILES:
            named = arguments(node, value, "", "file")
            found.files.update(OWN_FOLDER.sub("", name.value) for name in named)
        elif word in ROLE_TASKS and not arguments(node, value, "tasks_from"):
            found.roles.update(name.value for name in arguments(node, value, "name"))
        elif word == "roles" and not _ends_before_roles(node):
            found.roles.update(_roles([value]))
        elif word in _INIT_MODULES:
            found.needs_init = True


def _ends_before_roles(play: yaml.Node) -> bool:
    """Whether the tasks that run before the roles of a play may end it."""
    return any(_may_end(task) for word, tasks in entries(play) if word == "pre_tasks" for task in items(tasks))


def _roles(lists: Iterable[yaml.Node]) -> Iterator[str]:
    """The roles of lists of roles that are there in any case."""
    for item in (i for node in lists for i in items(node)):
        if not _doubtful(item):
            yield from role_names(item)


def role_names(item: yaml.Node) -> list[str]:
    """How an entry of a list of roles names its role."""
    return [item.value] if isinstance(item, yaml.ScalarNode) else fields(item, "role", "name")
