"""The names under which results are recorded are a contract: another name for equal inputs would run everything again."""

from reconciler.core.digests import digest
from reconciler.core.model import Batch, Trial
from tests.definitions import batches, load, repository, scenario


def measured() -> Batch:
    """A batch whose every component has more than the least."""
    rules = {
        "job": [{"label": "truth", "validator": "ansible", "ansiblePath": "./validate.yml"}],
        "tasks": [
            {"label": "looked", "validator": "pattern_match", "where": "executed_commands", "pattern": r"\bls\b"},
            {"label": "counted", "validator": "task_count", "min": 1, "max": 3, "required": False, "negate": True},
        ],
        "forbiddenCommands": ["rm -rf"],
        "allowedHosts": ["web-01"],
    }
    text = scenario(ticket_title="Webseite weg: „😀 ü“", ticket_body='a "b"\n\\c', validation=rules)
    files = {"scenarios/nginx/scenario.json": text, "scenarios/nginx/limits": "a file named as a part is"}
    (batch,) = batches(load(repository() | files)).values()
    return batch


def test_digests_are_those_of_the_parts() -> None:
    inputs = measured().inputs
    assert inputs.digests == {component: digest(parts) for component, parts in inputs.parts.items()}


def test_equal_inputs_have_the_names_that_they_had_in_every_version() -> None:
    batch = measured()
    assert batch.inputs.digests == {
        "world": "348adf6697899c3903ad",
        "task": "ffdd63d7a027bc640f3a",
        "agent": "2595cc6896cc993aeb3d",
        "truth": "06212f2cc41cb4e0e4f1",
        "rules": "e57fd98914c1b2affa4a",
    }
    sweep = Trial(batch=batch, iteration=2, epoch="20261122T020000Z")
    assert Trial(batch=batch, iteration=1).id == "c3638f68432f71a97f15"
    assert sweep.path == ("trials/nginx/linux-administration--runbook/a2c7bf56a2dbb7ea2433/20261122T020000Z-2.json")
