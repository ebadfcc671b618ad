"""Which hosts a shipped inventory lists, and the name that a host given by its id alone takes from it.

Playbooks name hosts as the inventory does, and a scenario of the oldest version knows its host by id alone: where there
is one of each, they are the same machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.core.model import Scenario
from reconciler.definitions.parse import Problem
from reconciler.definitions.positions import Broken, read_yaml, text_of

INVENTORIES = ("inventory.yml", "inventory.ini")
"""Where a scenario ships its inventory: the first that is there."""


def inventory_hosts(name: str, data: bytes) -> tuple[str, ...]:
    """The hosts that an inventory lists, each once, in order; none of one that cannot be read, for Ansible will say so."""
    try:
        text = text_of(data)
        found = _of_group({"children": read_yaml(text).value}) if name.endswith(".yml") else _of_lines(text)
        return tuple(dict.fromkeys(found))
    except Broken:
        return ()


def _of_lines(text: str) -> Iterator[str]:
    """The first word of each line in a section of hosts; a range such as ``web[1:9]`` counts as one name."""
    hosts = True
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            hosts = ":" not in line
        elif hosts and line and line[0] not in "#;":
            yield line.split()[0]


def _of_group(group: object) -> Iterator[str]:
    if isinstance(group, Mapping):
        if isinstance(hosts := group.get("hosts"), Mapping):
            yield from map(str, hosts)
        children = group.get("children")
        for child in children.values() if isinstance(children, Mapping) else ():
            yield from _of_group(child)


def unnamed(scenario: Scenario) -> bool:
    """Whether a host of the scenario is given by its id alone."""
    return any(h.host_id and h.name == h.host_id for h in scenario.hosts)


def named_by(scenario: Scenario, hosts: tuple[str, ...]) -> tuple[Scenario, list[Problem]]:
    """The scenario with the inventory's name for its one host; a problem where it is not certain which is which."""
    strange = [h for h in scenario.hosts if h.name == h.host_id and h.name not in hosts]
    if not strange or not hosts:
        return scenario, []
    if len(scenario.hosts) > 1 or len(hosts) > 1 or "[" in hosts[0]:
        message = f"{strange[0].host_id} is given by its id alone, and the inventory lists {', '.join(hosts)}"
        hint = "write host_name beside each host_id, as the inventory has it, for playbooks that name hosts"
        where = ("hosts", scenario.hosts.index(strange[0]), "host_id")
        return scenario, [(where, "unnamed-host", message, hint)]
    agents = tuple(replace(a, host=hosts[0]) if a.host == strange[0].name else a for a in scenario.agents)
    return replace(scenario, hosts=(replace(strange[0], name=hosts[0]),), agents=agents), []
