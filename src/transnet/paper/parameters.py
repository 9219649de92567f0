"""Table I: the parameters of the 2D and the 1D component."""

from __future__ import annotations

from transnet.model.baselines import SeparableConvolutions
from transnet.model.temporal import TemporalConvolutions
from transnet.model.transnet import TransNet, count_parameters
from transnet.paper.tables import ResultTable, printed


def parameter_table() -> ResultTable:
    """Our counts and the printed ones, with the two readings of the 1D component."""
    rows = []
    for row in printed(1):
        filters, classes = int(row["filters"]), int(row["classes"])
        model = TransNet(row["backbone"], classes, features=filters, filters=filters)
        spatial = count_parameters(model.spatial)
        text = count_parameters(TemporalConvolutions(12, filters, filters, classes))
        separable = count_parameters(SeparableConvolutions(3, filters, filters, classes))
        cells = (
            int(row["spatial_params"]),
            spatial,
            int(row["temporal_params_printed"]),
            separable,
            text,
        )
        rows.append([row["backbone"], row["filters"], *(f"{count:,}" for count in cells)])
    return ResultTable(
        "Table I: parameters of the components (KTH, 6 classes)",
        (
            "backbone",
            "filters",
            "2D, printed",
            "2D, ours",
            "1D, printed",
            "1D, separable at n = 3",
            "1D, of the text",
        ),
        rows,
        (
            "Parameters and batch norm statistics, as Keras counts. The 2D component is the "
            "backbone without its classifier, batch norm, flatten, and a dense layer with one unit "
            "per filter.",
            "The text of the paper describes three convolutions with kernels 2, n-1 and 1. Its "
            "Table I prints F^2 + 15 F + 72 for F filters, which is a different architecture: a "
            "separable convolution (kernel 2), a convolution (kernel n-1 = 2, so n = 3 frames), "
            "batch norm, and a convolution (kernel 1). We follow the text (--temporal conv1d); "
            "Table I is --temporal separable.",
        ),
    )
