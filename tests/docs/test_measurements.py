"""The tables of the documents are those of the recorded results."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "tables"), [("measurements.md", 6), ("benchmark.md", 7)])
def test_the_tables_are_up_to_date(name, tables):
    rendered = runpy.run_path(str(ROOT / "benchmarks/render_results.py"))["rendered"]
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert page.count("<!-- end -->") >= tables
    assert rendered(page) == page
    for chart in re.findall(r"\]\((\S+\.svg)\)", page):
        assert (ROOT / "docs" / chart).is_file()
