"""What is read back from the results branch is read whole, or not at all: never a traceback."""

import copy
import json

from hypothesis import strategies as st

from reconciler.adapters.records import what_is_wrong
from reconciler.core.trends import Trend
from reconciler.formats.trend import dump_json, parse_trend, trend_document
from tests.builders import results
from tests.fuzz.breaking import broken_texts, broken_values
from tests.fuzz.fuzzing import fuzz
from tests.fuzz.valid import written

TREND = Trend(
    scenario="nginx",
    title="Nginx",
    variant={"specialty": "A", "main_engine": "runbook", "secondary_engine": None},
    batches=(results(2, 3), results(1, 3, number=2, agent="2")),
)
VALID = json.loads(dump_json(trend_document(TREND)))


def holds(example: object) -> None:
    assert isinstance(example, bytes)
    assert what_is_wrong(example) is None or what_is_wrong(example)
    trend = parse_trend(example)
    if trend is not None:
        assert parse_trend(dump_json(trend_document(trend))) == trend


def test_no_trend_is_too_strange_to_be_read_or_left(fuzz_seconds: float) -> None:
    values = broken_values(copy.deepcopy(VALID)).map(lambda value: written("x.json", value))
    fuzz(values | broken_texts("x.json", dump_json(VALID)) | st.binary(max_size=50), holds, fuzz_seconds / 4)
