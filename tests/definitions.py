"""A definitions repository in memory, for tests: files in, a catalogue out."""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from reconciler.adapters.cron import cron_error
from reconciler.adapters.patterns.advice import pattern_doubts
from reconciler.adapters.patterns.search import pattern_error
from reconciler.adapters.runbook.sections import runbook_doubts, runbook_problems
from reconciler.core.model import Batch
from reconciler.definitions.catalogue import Catalogue
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.units import parse_duration
from reconciler.definitions.files.values import Context
from reconciler.ports import Entry

CONTEXT = Context(
    compiles=pattern_error,
    pattern_doubts=pattern_doubts,
    cron_error=cron_error,
    adapters={"runbook": "1", "command": "1"},
    engine_settings={"runbook": {"command_timeout": parse_duration}},
    prompt_problems=lambda prompt: sorted([*runbook_problems(prompt, pattern_error), *runbook_doubts(prompt)]),
)

Files = dict[str, str | bytes]
LINK = "120000"


def scenario(key: str = "nginx", **changes: Any) -> str:
    """A right ``scenario.json``; a change to None leaves the field out."""
    fields = {
        "key": key,
        "title": f"Title of {key}",
        "description": "internal",
        "ticket_title": "Website down",
        "ticket_body": "Please restart nginx.",
        "tags": ["web"],
        "hosts": [{"host_name": "web-01", "template": "debian-base"}],
        "agents": [{"agent_name": "a", "host_name": "web-01", "specialty_key": "LINUX_ADMINISTRATION"}],
        "validation": {"job": [{"label": "truth", "validator": "ansible", "ansiblePath": "validate.yml"}]},
        **changes,
    }
    return json.dumps({k: v for k, v in fields.items() if v is not None}, indent=2)


def benchmark(name: str = "all", **changes: Any) -> str:
    """A right benchmark, as the YAML that JSON is."""
    variants = [{"specialty": "linux-administration", "main_engine": "runbook"}]
    fields = {"name": name, "scenarios": "*", "variants": variants, "mode": "incus", **changes}
    return json.dumps({k: v for k, v in fields.items() if v is not None}, indent=2)


def repository() -> Files:
    """A small repository in which everything is right."""
    return {
        "scenarios/nginx/scenario.json": scenario(),
        "scenarios/nginx/prepare.yml": "- hosts: all\n  tasks: []\n",
        "scenarios/nginx/validate.yml": "- hosts: all\n  tasks: []\n",
        "config/specialties/linux-administration.mdx": "---\nname: linux-administration\n---\nBe careful.\n",
        "config/operational_rules/reload.mdx": "---\nname: reload\ntags: [os:linux]\n---\nReload first.\n",
        "config/templates/debian-base/template.yaml": "image: {incus: debian/12}\nmemory: 1GiB\n",
        "config/engines/runbook.yaml": "adapter: runbook\n",
        "config/benchmarks/all.yaml": benchmark(),
    }


def many(count: int = 3) -> Files:
    """``nginx`` with the tag web, and some scenarios that differ in their keys and one tag."""
    more = {
        f"scenarios/s{n}/scenario.json": scenario(f"s{n}", tags=["disk", f"t{n}"], validation=None)
        for n in range(count)
    }
    return repository() | more


class Store:
    """Blobs by their content, as git has them."""

    def __init__(self) -> None:
        """Empty."""
        self._blobs: dict[str, bytes] = {}
        self.asked: list[str] = []

    def entry(self, text: str | bytes, mode: str = "100644") -> Entry:
        """Put contents in; their entry."""
        data = text if isinstance(text, bytes) else text.encode()
        oid = hashlib.sha1(data).hexdigest()
        self._blobs[oid] = data
        return Entry(mode=mode, oid=oid)

    def tree(self, files: Mapping[str, str | bytes], links: Collection[str] = ()) -> dict[str, Entry]:
        """Put files in; their tree. ``links`` are symbolic links."""
        return {p: self.entry(t, LINK if p in links else "100644") for p, t in files.items()}

    def read(self, oids: Collection[str]) -> dict[str, bytes]:
        """Contents by id."""
        self.asked += oids
        return {o: self._blobs[o] for o in oids}


def load(files: Mapping[str, str | bytes], *, links: Collection[str] = ()) -> Catalogue:
    """The catalogue of a repository."""
    return _loaded(Store(), files, links)


def lint(files: Mapping[str, str | bytes], *, links: Collection[str] = ()) -> list[Finding]:
    """Everything that linting a repository finds."""
    store = Store()
    return _loaded(store, files, links).lint(store.read)


def _loaded(store: Store, files: Mapping[str, str | bytes], links: Collection[str]) -> Catalogue:
    tree = store.tree(files, links)
    return Catalogue.load(tree, store.read, scenarios_folder="scenarios", config_folder="config", context=CONTEXT)


def batches(catalogue: Catalogue) -> dict[str, Batch]:
    """``scenario/variant`` to batch."""
    demands = catalogue.demands({("incus", "debian-base"): "abc"}).demands
    return {f"{d.batch.scenario}/{d.batch.variant.slug}": d.batch for d in demands}


def errors(catalogue: Catalogue, path: str = "") -> list[Finding]:
    """The errors, of one file if asked."""
    return [f for f in catalogue.findings if f.severity == "error" and path in ("", f.path)]


def changed(before: Files, after: Files) -> dict[str, list[str]]:
    """Per component, the parts that differ in the one batch of both repositories."""
    (old,), (new,) = batches(load(before)).values(), batches(load(after)).values()
    found = {}
    for name, one in old.inputs.parts.items():
        other = new.inputs.parts[name]
        if parts := sorted(p for p in {*one, *other} if one.get(p) != other.get(p)):
            found[name] = parts
    assert {n for n in old.inputs.digests if old.inputs.digests[n] != new.inputs.digests[n]} == set(found)
    return found
