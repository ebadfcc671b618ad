"""Which instances are templates that nobody wants: decided from what the server shows of them."""

from datetime import timedelta
from typing import Any

import pytest

from reconciler.adapters.incus.templates import unwanted
from tests.fake_clock import FakeClock

NOW = FakeClock().now()
TEMPLATE = {"user.reconciler.template": "web"}


def ago(**time: float) -> str:
    return (NOW - timedelta(**time)).isoformat()


def template(
    *, created: str = "2020-01-01T00:00:00.123456789Z", status: str = "Stopped", **labels: str
) -> dict[str, Any]:
    config = TEMPLATE | {f"user.reconciler.{name}": value for name, value in labels.items()}
    return {"name": "template-web-0123456789ab", "status": status, "created_at": created, "config": config}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(template(used=ago(days=14, minutes=1)), True, id="unused for two weeks"),
        pytest.param(template(used=ago(days=13, hours=23)), False, id="used within two weeks, whenever it was made"),
        pytest.param(template(), True, id="made long ago, by a version that did not label its use"),
        pytest.param(template(created=ago(days=1)), False, id="made yesterday, by such a version"),
        pytest.param(template(created="2026-11-21T00:00:00Z"), False, id="made lately, to the second"),
        pytest.param(template(used=ago(days=99), status="Running"), False, id="running: somebody looks into it"),
        pytest.param(template(used=ago(days=99), instance="0123"), False, id="a sandbox"),
        pytest.param(template(used=ago(days=99), making=ago(minutes=5)), False, id="being made"),
        pytest.param(template(used=ago(hours=2), making=ago(hours=2)), True, id="half-made when somebody crashed"),
        pytest.param(template() | {"name": "web"}, False, id="a person's copy of a template"),
        pytest.param(template() | {"config": {}}, False, id="a person's instance of such a name"),
    ],
)
def test_a_template_is_unwanted_when_nobody_needed_it_for_two_weeks(found: dict[str, Any], expected: bool) -> None:
    assert unwanted(found, NOW) is expected


def test_in_a_pool_that_holds_up_trials_two_days_are_enough() -> None:
    assert not unwanted(template(used=ago(days=3)), NOW)
    assert unwanted(template(used=ago(days=3)), NOW, tight=True)
    assert not unwanted(template(used=ago(days=1, hours=23)), NOW, tight=True)
