"""The names by which resources of the platform refer to each other, looked up."""

from collections.abc import Iterator, Mapping

from reconciler.definitions.files.findings import shown
from reconciler.definitions.files.holes import Problem
from reconciler.definitions.files.lint_rules import RuleId
from reconciler.definitions.files.values import HostResource, ReferenceKind, Resource
from reconciler.definitions.library import Library

_RULES: Mapping[ReferenceKind, RuleId] = {
    "specialties": "unknown-specialty",
    "hosts": "unknown-host",
    "credentials": "unknown-credential",
}


def reference_problems(library: Library) -> Iterator[tuple[str, list[Problem]]]:
    """Path and problems of each host and agent that refers to what is not there, or cannot be reached."""
    for shelf in (library.agents, library.hosts):
        for file in shelf.files.values():
            if problems := list(file.holes.told(_dangling(file.drawn, library))):
                yield file.path, problems
    for host in library.hosts.files.values():
        if host.drawn and (wrong := _jump_problem(host.claim, host.drawn, library)):
            yield host.path, list(host.holes.told([(("jump_host",), "jump-host", *wrong)]))


def _dangling(resource: Resource | None, library: Library) -> Iterator[Problem]:
    for reference in resource.references if resource is not None else ():
        shelf = getattr(library, reference.kind)
        if reference.name not in shelf.names:
            yield reference.where, _RULES[reference.kind], *shelf.unknown(reference.name)


def _jump_problem(name: str, host: HostResource, library: Library) -> tuple[str, str] | None:
    """(message, hint) where a host cannot be reached through its jump host."""
    way = [name]
    while host.jump_host and (through := library.hosts.usable.get(host.jump_host)) and through.value:
        if host.jump_host in way:
            return f"jump hosts lead in a circle: {' → '.join([*way, host.jump_host])}", "break the loop"
        if not through.value.is_jump_host and len(way) == 1:
            return f"{shown(host.jump_host)} is no jump host", f"write is_jump_host: true in {through.path}"
        way.append(host.jump_host)
        host = through.value
    return None
