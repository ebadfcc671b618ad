"""Shipped inventories: what they name, read as Ansible reads them, as far as that can be wrong.

A trial plays on its scenario's hosts alone, and only its mode says how they are reached: a shipped inventory adds groups and variables.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import yaml

from reconciler.core.model import Host, Scenario
from reconciler.definitions.ansible.inventory_files import Inventory, read_inventory, spot_of
from reconciler.definitions.files.findings import Finding, nearest, shown
from reconciler.definitions.files.holes import Problem
from reconciler.definitions.files.lint_rules import RuleId, Severity
from reconciler.definitions.files.positions import Broken, Spot, text_of
from reconciler.definitions.files.yaml_text import compose

INVENTORIES = ("inventory.yml", "inventory.ini")
"""Where a scenario ships its inventory: in one of these."""
_MISNAMED = "inventory.yaml"
_READ = frozenset({*INVENTORIES, _MISNAMED})
_CONNECTION = re.compile(
    r"ansible_(?:connection|host|port|user|password|python_interpreter|(?:ssh|winrm|psrp|paramiko|incus)_\w+)\Z"
)
"""Variables that say how a machine is reached."""
_HOST_VARS = re.compile(r"host_vars/(?P<host>[^/]+?)(?:\.(?:ya?ml|json))?(?:/.*)?\Z")


def is_inventory(path: str) -> bool:
    """Whether a file of a scenario's folder has to be read for ``inventory_findings``."""
    return path in _READ or path.startswith("host_vars/")


def named_by_inventory(scenario: Scenario, files: Mapping[str, bytes]) -> tuple[Scenario, list[Problem]]:
    """The scenario with the inventory's name for a host that is given by its id alone.

    Playbooks name hosts as the inventory does: where there is one of each, they are the same machine. A problem where it is not
    certain which is which. ``files`` are seen from the scenario's folder.
    """
    listed = _listed(files) if any(map(_unnamed, scenario.hosts)) else ()
    strange = [h for h in scenario.hosts if _unnamed(h) and h.name not in listed]
    if not strange or not listed:
        return scenario, []
    if len(scenario.hosts) > 1 or len(listed) > 1 or "[" in listed[0]:
        message = f"{strange[0].host_id} is given by its id alone, and the inventory lists {shown(', '.join(listed))}"
        hint = "write host_name beside each host_id, as the inventory has it, for playbooks that name hosts"
        where = ("hosts", scenario.hosts.index(strange[0]), "host_id")
        return scenario, [(where, "unnamed-host", message, hint)]
    agents = tuple(replace(a, host=listed[0]) if a.host == strange[0].name else a for a in scenario.agents)
    return replace(scenario, hosts=(replace(strange[0], name=listed[0]),), agents=agents), []


def _unnamed(host: Host) -> bool:
    """Whether a host is given by its id alone."""
    return bool(host.host_id) and host.name == host.host_id


def _listed(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The hosts that the inventory lists, each once, in order; none of one that cannot be read, which is told elsewhere."""
    name = next((n for n in INVENTORIES if n in files), None)
    if name is None:
        return ()
    try:
        return tuple(dict.fromkeys(host for host, _ in read_inventory(name, text_of(files[name])).hosts))
    except Broken:
        return ()


def inventory_findings(folder: str, files: Mapping[str, bytes], hosts: Collection[Host]) -> Iterator[Finding]:
    """What is wrong with the inventories and host variables of a scenario. ``files`` are seen from its folder."""
    names = [h.name for h in hosts]
    here = [name for name in INVENTORIES if name in files]
    if len(here) > 1:
        hint = f"keep one of them: what {here[0]} has can stand in {here[1]}, and the other way round"
        message = f"there is {here[0]} as well, and a scenario has one inventory"
        yield Finding(path=f"{folder}/{here[1]}", rule="two-inventories", message=message, hint=hint)
    if _MISNAMED in files:
        message, hint = "a file of this name is not read", "name it inventory.yml"
        yield Finding(
            path=f"{folder}/{_MISNAMED}", rule="misnamed-file", severity="warning", message=message, hint=hint
        )
    for name in here:
        yield from _of_inventory(f"{folder}/{name}", files[name], names, certain=not any(map(_unnamed, hosts)))
    for name, data in files.items():
        if (found := _HOST_VARS.match(name)) and found["host"] in names:
            yield from _of_host_vars(f"{folder}/{name}", data)


def _of_inventory(path: str, data: bytes, hosts: Collection[str], *, certain: bool) -> Iterator[Finding]:
    """``certain``: ``hosts`` are the names that the inventory must have."""
    try:
        found = read_inventory(path, text_of(data))
    except Broken as error:
        yield _at(path, (error.line, error.column), error.rule, error.message, error.hint)
        return
    for name, spot in found.unread:
        message, hint = f"{shown(name)} is not a field of a group", nearest(name, ("hosts", "vars", "children"))
        yield _at(path, spot, "unknown-field", message, hint, "warning")
    for host, spot in found.hosts if certain else ():
        if host not in hosts and "[" not in host:
            message = f"{shown(host)} is none of the scenario's hosts: nothing is played there"
            yield _at(path, spot, "unknown-host", message, nearest(host, hosts), "warning")
    yield from _in_the_way(path, found, hosts)


def _in_the_way(path: str, found: Inventory, hosts: Collection[str]) -> Iterator[Finding]:
    """What would stand between a play and its sandbox."""
    for group, spot in found.groups.items():
        if group in hosts:
            hint = "give one of them another name: a play on the host would be one on the group"
            yield _at(path, spot, "duplicate-host", f"group {shown(group)} has the name of a host", hint)
    for name, spot in found.variables:
        if _CONNECTION.match(name):
            message = f"{name} is not used: a sandbox is reached as its mode reaches it"
            yield _at(path, spot, "connection-variable", message, "take it out", "warning")


def _of_host_vars(path: str, data: bytes) -> Iterator[Finding]:
    """Variables of a host outrank those of any inventory, so these would lead a play out of its sandbox."""
    try:
        node = compose(text_of(data))
    except Broken as error:
        yield _at(path, (error.line, error.column), error.rule, error.message, error.hint)
        return
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if _CONNECTION.match(str(key.value)):
            message = f"{key.value} would lead the play out of its sandbox"
            yield _at(path, spot_of(key), "connection-variable", message, "take it out: the sandbox's mode says it")


def _at(path: str, spot: Spot, rule: RuleId, message: str, hint: str, severity: Severity = "error") -> Finding:
    line, column = spot
    return Finding(path=path, line=line, column=column, rule=rule, severity=severity, message=message, hint=hint)
