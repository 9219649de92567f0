"""A few of the cases that ``scripts/fuzz.py`` tries by the thousand each night."""

import pytest

from scripts import fuzz

CHEAP = ("photos", "annotations", "manifests", "yaml", "archives", "exports", "records", "weights")


@pytest.mark.parametrize("reader", CHEAP)
def test_damaged_files_are_answered_or_named(reader, monkeypatch):
    monkeypatch.setattr(fuzz, "BATCH", 60)
    counts, faults = fuzz.run(reader, 0, 60)
    assert not faults
    assert sum(counts.values()) == 60
