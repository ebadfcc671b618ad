"""Resources with front matter (``*.mdx``): specialties, operational rules, hosts, agents, credentials, gateways, blacklist.

Credentials, gateways and blacklist entries are read to be checked, and for names to refer to: no trial uses them.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel

from reconciler.core.model import OperationalRule, Specialty
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.holes import Path, Problem
from reconciler.definitions.files.matching import RULE_CLASSES, SCOPE_CLASSES, tag_problem
from reconciler.definitions.files.parse import document, located, parsed, specialty_key
from reconciler.definitions.files.positions import Broken, Document, text_of
from reconciler.definitions.files.resource_files import (
    AgentFile,
    BlacklistFile,
    CredentialFile,
    CustomGatewayFile,
    HostFile,
    OperationalRuleFile,
    RunnerGatewayFile,
    ServiceNowGatewayFile,
    SpecialtyFile,
)
from reconciler.definitions.files.values import Context, HostResource, Parsed, Reference, ReferenceKind, Resource
from reconciler.definitions.files.yaml_text import read_front_matter

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")

_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_REGEX = re.compile(r"\A\^|\$\Z|\.\+|\\[swdbSWDB]|\(\?|\(\w+(?:\|\w+)+\)")
"""What a glob does not have, and the regular expressions of old did."""


def specialty(path: str, data: bytes, context: Context) -> Parsed[Specialty]:
    """``specialties/*.mdx``: the body, exactly as it is, is the prompt."""

    def build(file: SpecialtyFile, read: Document) -> tuple[Specialty, list[Finding]]:
        key = specialty_key(file.name)
        problems: list[Problem] = []
        if not key:
            problems.append(
                (("name",), "wrong-value", "name holds no letter or digit", "use letters, digits and dashes")
            )
        empty: list[Problem] = [((), "empty-prompt", "the specialty has no prompt", "write it below the front matter")]
        value = Specialty(
            key=key, name=file.name, prompt=read.body, description=file.description, execution_mode=file.execution_mode
        )
        lint = located(path, read, [] if read.body.strip() else empty, warning=True)
        return value, located(path, read, problems) + lint + _prompt_findings(path, data, read.body, context)

    found = _resource(path, data, SpecialtyFile, build)
    return replace(found, claim=specialty_key(found.claim))


def _prompt_findings(path: str, data: bytes, prompt: str, context: Context) -> list[Finding]:
    """What an engine would refuse. A warning: the specialty may be meant for another engine."""
    above = text_of(data).removesuffix(prompt).count("\n")
    return [
        Finding(path=path, line=above + line, column=1, severity="warning", rule="runbook", message=message)
        for line, message in context.prompt_problems(prompt)
    ]


def operational_rule(path: str, data: bytes, _: Context) -> Parsed[OperationalRule]:
    """``operational_rules/*.mdx``: the body is the rule's text."""

    def build(file: OperationalRuleFile, read: Document) -> tuple[OperationalRule, list[Finding]]:
        value = OperationalRule(name=file.name, text=read.body.strip(), tags=tuple(file.tags), org=file.org or "")
        return value, located(path, read, list(_tags(file.tags, RULE_CLASSES)))

    return _resource(path, data, OperationalRuleFile, build)


def host(path: str, data: bytes, _: Context) -> Parsed[HostResource]:
    """``hosts/*.mdx``: the body is what is known about it."""

    def build(file: HostFile, read: Document) -> tuple[HostResource, list[Finding]]:
        problems = list(_tags(file.tags, SCOPE_CLASSES))
        if not (file.public_ip or file.private_ip or read.holes.at((), "public_ip", "private_ip")):
            problems.append(((), "missing-field", "the host has no address", "write public_ip: or private_ip:"))
        credentials = {
            "jump_host_credential": file.jump_host_credential,
            "jump_host_user_credential": file.jump_host_user_credential,
        }
        value = HostResource(
            name=file.name,
            org=file.org or "",
            tags=frozenset(map(str.lower, file.tags)),
            is_jump_host=file.is_jump_host,
            jump_host=file.jump_host or "",
            references=(
                *_references("hosts", {"jump_host": file.jump_host}),
                *_references("credentials", credentials),
            ),
        )
        return value, located(path, read, problems)

    return _resource(path, data, HostFile, build)


def agent(path: str, data: bytes, _: Context) -> Parsed[Resource]:
    """``agents/*.mdx``: front matter alone."""

    def build(file: AgentFile, read: Document) -> tuple[Resource, list[Finding]]:
        uses = tuple(
            Reference(where=("credential_config", n, "credential"), kind="credentials", name=use.credential)
            for n, use in enumerate(file.credential_config)
        )
        named = (
            *_references("specialties", {"specialty": specialty_key(file.specialty)}),
            *_references("hosts", {"host": file.host}),
        )
        return Resource(references=(*named, *uses)), _no_body("an agent", path, read, warning=True)

    return _resource(path, data, AgentFile, build)


def credential(path: str, data: bytes, _: Context) -> Parsed[Resource]:
    """``credentials/*.mdx``: checked, and its value forgotten. No finding tells anything but names of fields."""

    def build(file: CredentialFile, read: Document) -> tuple[Resource, list[Finding]]:
        misplaced = "vault_path" if file.type == "SECRET" else "value"
        problems: list[Problem] = []
        if getattr(file, misplaced) is not None and not read.holes.at((), "type"):
            hint = "take it out, or write the other type"
            problems.append(((misplaced,), "misplaced-field", f"{misplaced} says nothing to type {file.type}", hint))
        if file.type == "VAULT_PATH" and file.vault_path is None and not read.holes.at((), "type", "vault_path"):
            problems.append(((), "missing-field", "vault_path is missing", "write where the vault has it"))
        literal: list[Problem] = []
        if file.value and not _VARIABLE.search(file.value):
            told = "the secret itself stands in the file, and git keeps it for ever"
            literal.append((("value",), "secret", told, "write value: ${NAME}, and change the secret"))
        findings = located(path, read, problems) + located(path, read, literal, warning=True)
        return Resource(), findings + _no_body("a credential", path, read)

    return _resource(path, data, CredentialFile, build, reader=_read_secretive, variable="value")


def gateway(path: str, data: bytes, _: Context) -> Parsed[Resource]:
    """``gateways/*.mdx``: the body is the prompt, and the type decides what ``metadata`` may hold."""

    def build(_file: BaseModel, _read: Document) -> tuple[Resource, list[Finding]]:
        return Resource(), []

    return _resource(path, data, _gateway_model(path, data), build, name=None)


def _gateway_model(path: str, data: bytes) -> type[BaseModel]:
    read = document(path, data, read_front_matter)
    if isinstance(read, Finding) or not isinstance(read.value, dict):
        return ServiceNowGatewayFile
    match read.value.get("type", "servicenow"):
        case "servicenow":
            return ServiceNowGatewayFile
        case "runner":
            return RunnerGatewayFile
        case _:
            return CustomGatewayFile


def blacklist(path: str, data: bytes, _: Context) -> Parsed[Resource]:
    """``blacklist/*.mdx``: a glob that is looked for anywhere in a command."""

    def build(file: BlacklistFile, read: Document) -> tuple[Resource, list[Finding]]:
        problems: list[Problem] = []
        if not file.pattern.strip("*? "):
            problems.append((("pattern",), "bad-pattern", "the pattern is in every command", "name what is forbidden"))
        elif _REGEX.search(file.pattern):
            told = "the pattern looks like a regular expression, and is read as a glob"
            problems.append((("pattern",), "bad-pattern", told, "only * and ? are special, and it may begin anywhere"))
        findings = located(path, read, problems, warning=True)
        return Resource(), findings + _no_body("a blacklist entry", path, read, warning=True)

    return _resource(path, data, BlacklistFile, build, name=None)


# ---------------------------------------------------------------- what they have in common


def _resource(
    path: str,
    data: bytes,
    model: type[Model],
    build: Callable[[Model, Document], tuple[T, list[Finding]]],
    *,
    name: str | None = "name",
    reader: Callable[[str], Document] = read_front_matter,
    variable: str = "",
) -> Parsed[T]:
    """A file with front matter; ``variable`` is the one field in which ``${NAME}`` stands for something."""

    def lint(read: Document) -> list[Problem]:
        return list(_variables(read.value, (), variable))

    return parsed(path, data, reader, model, build, name, lint=lint, secretive=bool(variable))


def _variables(value: object, where: Path, variable: str) -> Iterator[Problem]:
    """Each ``${NAME}`` that nothing replaces: all but those in the field ``variable``."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _variables(item, (*where, str(key)), variable)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _variables(item, (*where, index), variable)
    elif isinstance(value, str):
        here = where == (variable,)
        if "${" in (_VARIABLE.sub("", value) if here else value):
            field = ".".join(map(str, where)) or "the front matter"
            hint = "write ${NAME}, in letters, digits and underscores" if here else "write the value out"
            yield where, "misplaced-variable", f"{field} holds a ${{…}} that nothing replaces", hint


def _references(kind: ReferenceKind, named: Mapping[str, str | None]) -> Iterator[Reference]:
    return (Reference(where=(field,), kind=kind, name=name) for field, name in named.items() if name)


def _tags(tags: Collection[str], classes: Collection[str]) -> Iterator[Problem]:
    for index, tag in enumerate(tags):
        if wrong := tag_problem(tag, classes):
            yield ("tags", index), "unknown-tag", *wrong


def _no_body(kind: str, path: str, read: Document, *, warning: bool = False) -> list[Finding]:
    body: list[Problem] = [((), "unread-body", f"{kind} has no body; the text below is not read", "take it out")]
    return located(path, read, body if read.body.strip() else [], warning=warning)


def _read_secretive(text: str) -> Document:
    """Read front matter; what is wrong with it is told without a word of it."""
    try:
        return read_front_matter(text)
    except Broken as error:
        if error.rule != "not-yaml":
            raise
        hint = "put the value in quotes"
        raise Broken("not-yaml", "this is not YAML", line=error.line, column=error.column, hint=hint) from None
