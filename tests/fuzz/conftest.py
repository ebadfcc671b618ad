"""How long to fuzz: ``./dev test tests/fuzz --fuzz-seconds 600``."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that fuzzes longer may take longer."""
    for item in items:
        item.add_marker(pytest.mark.timeout(300 + config.getoption("fuzz_seconds")))


@pytest.fixture
def fuzz_seconds(request: pytest.FixtureRequest) -> float:
    """Seconds that each fuzz test goes on for."""
    seconds: float = request.config.getoption("fuzz_seconds")
    return seconds
