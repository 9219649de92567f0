from transnet.reports.tables import latex_columns


def test_a_latex_table_escapes_what_latex_reads():
    rows = latex_columns([["recipe", "top-1, %"], ["a_b & c", "93.8 ± 1.9"]]).splitlines()
    assert rows[0] == r"\begin{tabular}{ll}"
    assert rows[2].split() == ["recipe", "&", "top-1,", r"\%", r"\\"]
    assert rows[4] == r"a\_b \& c & 93.8 $\pm$ 1.9 \\"
    assert rows[-1] == r"\end{tabular}"
