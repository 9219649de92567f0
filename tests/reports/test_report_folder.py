import pytest

from transnet.errors import TransNetError
from transnet.reports.page import render
from transnet.reports.report_folder import report_folder, report_mark


def report(folder, dataset):
    page = render(
        "check.html.j2", dataset=report_mark(dataset), name="x", notes=[], counts={"broken": 0},
        doubtful=[], num_doubtful=0, seconds=[],
    )  # fmt: skip
    (folder / "report.html").write_text(page, encoding="utf-8")


@pytest.mark.parametrize("dataset", ["/d/a", '/d/<"\udcff&', "kth:/d"])
def test_each_dataset_has_its_own_folder(tmp_path, dataset):
    parent = str(tmp_path)
    first = report_folder(None, parent, dataset, "my clips: a/b")
    assert first.name == "my-clips-a-b"
    report(first, dataset)
    assert report_folder(None, parent, dataset, "my clips: a/b") == first
    assert report_folder(None, parent, "/other", "my clips: a/b").name == "my-clips-a-b_2"
    with pytest.raises(TransNetError, match="which holds the report of .*another folder"):
        report_folder(str(first), parent, "/other", "x")
    assert report_folder(str(first), parent, dataset, "x") == first
