"""The tables of the documents are those of the recorded results."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_tables_are_up_to_date():
    rendered = runpy.run_path(str(ROOT / "benchmarks/render_results.py"))["rendered"]
    page = (ROOT / "docs/measurements.md").read_text(encoding="utf-8")
    assert page.count("<!-- end -->") >= 4
    assert rendered(page) == page
