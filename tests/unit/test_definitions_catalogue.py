"""Benchmarks to demands, names to definitions, and what an update shares."""

import json
from typing import Any

from reconciler.core.model import Mode, Variant
from reconciler.definitions.catalogue import Catalogue
from reconciler.ports import Cron, Entry
from tests.definitions import CONTEXT, Files, Store, batches, benchmark, errors, load, many, repository, scenario

IMAGES: dict[tuple[Mode, str], str] = {("incus", "debian-base"): "abc"}
OWN = [{"main_engine": "runbook"}]


def specialty(name: str, prompt: str = "p") -> Files:
    return {f"config/specialties/{name}.mdx": f"---\nname: {name}\n---\n{prompt}\n"}


def test_a_demand_says_everything_that_a_trial_needs() -> None:
    gate = {"pass_rate": 0.9, "compliance": 100}
    wanted = benchmark(iterations=3, schedule="0 2 * * *", timezone="Europe/Paris", gate=gate)
    (demand,) = load(repository() | {"config/benchmarks/all.yaml": wanted}).demands({}).demands
    wants = demand.benchmark
    assert (wants.name, wants.iterations, wants.on_change) == ("all", 3, True)
    assert wants.schedule == Cron(expression="0 2 * * *", timezone="Europe/Paris")
    assert (wants.gate.pass_rate, wants.gate.compliance) == (0.9, 100)
    assert (demand.scenario.key, demand.scenario.folder, demand.memory_mib) == ("nginx", "scenarios/nginx", 1024)
    assert demand.batch.variant == Variant(specialty="LINUX_ADMINISTRATION", main_engine="runbook")


def test_what_a_variant_leaves_out_is_the_scenarios_own() -> None:
    files = repository() | {"config/benchmarks/all.yaml": benchmark(variants=[{}])}
    (demand,) = load(files).demands({}).demands
    assert demand.batch.variant == Variant(specialty="LINUX_ADMINISTRATION", main_engine="runbook")
    named = load(repository()).demands({}).demands[0]
    assert demand.batch.id == named.batch.id


def test_several_specialties_of_a_scenario_are_joined_and_each_agent_keeps_its_own() -> None:
    two = scenario(
        hosts=[{"host_name": h, "template": "debian-base"} for h in ("web", "db")],
        agents=[
            {"agent_name": "w", "host_name": "web", "specialty_key": "linux administration"},
            {"agent_name": "d", "host_name": "db", "specialty_key": "DATABASE_MANAGER"},
        ],
    )
    files = repository() | specialty("database-manager")
    files |= {
        "scenarios/nginx/scenario.json": two,
        "config/benchmarks/all.yaml": benchmark(variants=[*OWN, {"specialty": "database-manager", **OWN[0]}]),
    }
    catalogue = load(files)
    own, override = catalogue.demands({}).demands
    assert own.batch.variant.specialty == "DATABASE_MANAGER+LINUX_ADMINISTRATION"
    assert own.memory_mib == 2048
    seats = [(s.agent.name, s.host.name, s.specialty.key) for s in catalogue.seating(own.batch)]
    assert seats == [("w", "web", "LINUX_ADMINISTRATION"), ("d", "db", "DATABASE_MANAGER")]
    assert {s.specialty.key for s in catalogue.seating(override.batch)} == {"DATABASE_MANAGER"}
    swapped = json.loads(two)
    swapped["agents"][0]["specialty_key"], swapped["agents"][1]["specialty_key"] = (
        "DATABASE_MANAGER",
        "LINUX_ADMINISTRATION",
    )
    other = load(files | {"scenarios/nginx/scenario.json": json.dumps(swapped)}).demands({}).demands
    assert other[0].batch.inputs.digests["agent"] != own.batch.inputs.digests["agent"]
    assert other[1].batch.id == override.batch.id


def test_a_scenario_without_agents_gets_one_per_host() -> None:
    catalogue = load(repository() | {"scenarios/nginx/scenario.json": scenario(agents=None)})
    (seat,) = catalogue.seating(catalogue.demands({}).demands[0].batch)
    assert (seat.agent.host, seat.specialty.key) == ("web-01", "LINUX_ADMINISTRATION")
    assert [r.name for r in seat.rules] == ["reload"]


def test_without_an_engine_named_there_must_be_exactly_one() -> None:
    files = repository() | {"config/benchmarks/all.yaml": benchmark(variants=[{}])}
    assert len(load(files).demands({}).demands) == 1
    two = load(files | {"config/engines/second.yaml": "adapter: command\n"})
    assert [f.message for f in errors(two)] == ["the variant names no main_engine, and there are 2"]
    none = load({p: t for p, t in files.items() if "engines" not in p})
    assert [f.message for f in errors(none)] == ["there is no engine"]


def test_a_secondary_engine_is_part_of_the_variant_and_of_the_agent() -> None:
    wanted = benchmark(variants=[{**OWN[0], "secondary_engine": "second"}])
    files = repository() | {"config/engines/second.yaml": "adapter: command\n", "config/benchmarks/all.yaml": wanted}
    (demand,) = load(files).demands({}).demands
    assert demand.batch.variant.secondary_engine == "second"
    assert {"engine runbook", "secondary engine second"} <= set(demand.batch.inputs.agent.parts)


def demands_of(*wanted: dict[str, Any]) -> list[tuple[str, int, bool, bool]]:
    files = {f"config/benchmarks/{n}.yaml": benchmark(f"b{n}", **fields) for n, fields in enumerate(wanted)}
    catalogue = load({p: t for p, t in repository().items() if "benchmarks" not in p} | files)
    assert errors(catalogue) == []
    found = (d.benchmark for d in catalogue.demands({}).demands)
    return [(b.name, b.iterations, b.on_change, b.schedule is not None) for b in found]


def test_each_benchmark_that_wants_a_batch_has_a_demand_of_its_own() -> None:
    assert demands_of({"iterations": 3}, {"iterations": 5}) == [("b0", 3, True, False), ("b1", 5, True, False)]
    assert demands_of({"schedule": "0 2 * * *"}, {"iterations": 2}) == [("b0", 1, True, True), ("b1", 2, True, False)]


def test_a_benchmark_that_nothing_starts_is_a_warning() -> None:
    catalogue = load(repository() | {"config/benchmarks/all.yaml": benchmark(on_change=False)})
    assert [(f.rule, f.severity) for f in catalogue.findings] == [("idle-benchmark", "warning")]


def test_an_update_with_nothing_changed_is_the_same_catalogue() -> None:
    store = Store()
    tree = store.tree(many())
    catalogue = Catalogue.load(tree, store.read, scenarios_folder="scenarios", config_folder="config", context=CONTEXT)
    assert catalogue.updated({}, store.read) is catalogue
    assert catalogue.updated(tree, store.read) is catalogue
    assert catalogue.demands(IMAGES) is catalogue.demands(dict(IMAGES))


def test_an_update_reads_and_makes_only_what_it_touches() -> None:
    store = Store()
    variants = [{"specialty": s, "main_engine": "runbook"} for s in ("linux-administration", "other")]
    files = many() | specialty("other") | {"config/benchmarks/all.yaml": benchmark(variants=variants)}
    tree = store.tree(files)
    first = Catalogue.load(tree, store.read, scenarios_folder="scenarios", config_folder="config", context=CONTEXT)
    before = batches(first)
    store.asked.clear()
    path = "config/specialties/other.mdx"
    changes: dict[str, Entry | None] = {path: store.entry("---\nname: other\n---\nnew\n")}
    second = first.updated(changes, store.read)
    after = batches(second)
    assert len(store.asked) == 1
    assert {name for name in after if after[name] is not before[name]} == {n for n in before if "other" in n}
    assert batches(first) == before


def test_a_file_that_appears_where_a_playbook_looked_for_it_is_noticed() -> None:
    store = Store()
    play = "- hosts: all\n  roles: [../../roles/base]\n  vars_files: [../common/a.yml]\n"
    tree = store.tree(repository() | {"scenarios/nginx/prepare.yml": play})
    catalogue = Catalogue.load(tree, store.read, scenarios_folder="scenarios", config_folder="config", context=CONTEXT)
    for path in ("scenarios/roles/base/tasks/main.yml", "scenarios/common/a.yml"):
        catalogue = catalogue.updated({path: store.entry("[]\n")}, store.read)
        (batch,) = batches(catalogue).values()
        assert f"../{path.removeprefix('scenarios/')}" in batch.inputs.world.parts


def test_folders_may_lie_anywhere() -> None:
    files = {
        f"deep/er/{p}" if p.startswith("config") else p.removeprefix("scenarios/"): t for p, t in repository().items()
    }
    store = Store()
    catalogue = Catalogue.load(
        store.tree(files), store.read, scenarios_folder=".", config_folder="deep/er/config", context=CONTEXT
    )
    assert list(catalogue.findings) == []
    assert len(batches(catalogue)) == 1


def test_the_part_of_a_deleted_specialty_still_has_its_paths_when_it_is_there() -> None:
    catalogue = load(repository())
    (batch,) = batches(catalogue).values()
    assert catalogue.paths_of(batch, "agent", "specialty linux-administration") == [
        "config/specialties/linux-administration.mdx"
    ]
    assert catalogue.paths_of(batch, "agent", "rule gone") == []
    assert catalogue.paths_of(batch, "world", "mode") == []
    assert catalogue.paths_of(batch, "world", "./hosts") == ["scenarios/nginx/hosts"]
    assert catalogue.paths_of(batch, "rules", "rule truth") == ["scenarios/nginx/scenario.json"]


def test_what_is_blocked_comes_in_one_order_whatever_came_first() -> None:
    store = Store()
    files = repository() | {"config/benchmarks/all.yaml": "wrong", "config/benchmarks/more.yaml": "wrong"}
    tree = store.tree(files)
    first = Catalogue.load(tree, store.read, scenarios_folder="scenarios", config_folder="config", context=CONTEXT)
    path = "config/benchmarks/all.yaml"
    second = first.updated({path: None}, store.read).updated({path: tree[path]}, store.read)
    assert second.demands(IMAGES) == first.demands(IMAGES)


def test_a_symbolic_link_where_a_playbook_looked_below_is_noticed() -> None:
    store = Store()
    play = "- hosts: all\n  vars_files: [../common/deep/a.yml]\n"
    tree = store.tree(repository() | {"scenarios/nginx/prepare.yml": play})
    first = Catalogue.load(tree, store.read, scenarios_folder="scenarios", config_folder="config", context=CONTEXT)
    linked = first.updated({"scenarios/common": store.entry("/etc", "120000")}, store.read)
    assert len(first.demands(IMAGES).demands) == 1
    assert linked.demands(IMAGES).demands == ()
    assert len(linked.updated({"scenarios/common": None}, store.read).demands(IMAGES).demands) == 1


def test_what_a_wrong_rule_may_be_meant_for_is_stalled_and_nothing_else() -> None:
    files = {
        f"scenarios/{k}/scenario.json": scenario(k, tags=[t], validation=None)
        for k, t in (("db", "tech:mysql"), ("web", "web"))
    }
    cases = {
        "name: slow\ntags: [oss:linux]": {"db", "web", "nginx"},
        "name: slow\ntags: [oss:linux, tech:mysql]": {"db"},
        "name: slow\ntags: [tech:mysql]\nwhat: x": {"db"},
        "name: slow\ntags: [tech:mysql": {"db", "web", "nginx"},
        "name: slow\ntags: [tech:mysql]": set(),
    }
    for front, stalled in cases.items():
        rule = {"config/operational_rules/slow.mdx": f"---\n{front}\n---\nSlowly.\n"}
        demands = load({**repository(), **files, **rule}).demands({})
        assert {b.scenario for b in demands.blocked} == stalled
        assert {d.batch.scenario for d in demands.demands} == {"db", "web", "nginx"} - stalled
        assert all(b.reason.startswith("config/operational_rules/slow.mdx:") for b in demands.blocked)


def test_a_rule_that_two_files_are_stalls_what_either_matches() -> None:
    rules = {f"config/operational_rules/{n}.mdx": f"---\nname: slow\ntags: [tech:{n}]\n---\nSlowly.\n" for n in "ab"}
    files = {f"scenarios/{n}/scenario.json": scenario(n, tags=[f"tech:{n}"], validation=None) for n in "abc"}
    demands = load({**repository(), **files, **rules}).demands({})
    assert [(b.scenario, "more than once" in b.reason) for b in demands.blocked] == [("a", True), ("b", True)]


def test_a_wrong_file_of_a_host_stalls_the_scenarios_that_have_it() -> None:
    wrong = {"config/hosts/web-01.mdx": "---\nname: web-01\ntags: [tech:nginx]\n---\n"}
    other = scenario("s1", hosts=[{"host_name": "db", "template": "debian-base"}], agents=None, validation=None)
    demands = load({**many(), **wrong, "scenarios/s1/scenario.json": other}).demands({})
    assert {b.scenario for b in demands.blocked} == {"nginx", "s0", "s2"}
    assert {b.reason.partition(":")[0] for b in demands.blocked} == {"config/hosts/web-01.mdx"}
