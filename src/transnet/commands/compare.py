"""``transnet compare``: two runs against each other, on the same test clips."""

from __future__ import annotations

from pathlib import Path

from transnet.commands.output import print_json
from transnet.utils.progress import say


def compare(run_a: str, run_b: str, *, json: bool = False) -> int:
    """Compare two evaluated runs, clip by clip.

    Prints the difference of their accuracies in points, its 95 % interval (a bootstrap over
    groups), and how likely chance alone gives such a difference (a sign-flip permutation test over
    groups).

    Args:
        run_a: folder of an evaluated run, or of a grid of them, such as leave-out:all
        run_b: another one, tested on the same clips
        json: print a JSON object

    Returns:
        0.

    Raises:
        TransNetError: a run was not evaluated, or the runs were tested on different clips.
    """
    from transnet.evaluation.comparison import compare_runs

    found = compare_runs(Path(run_a).expanduser(), Path(run_b).expanduser())
    if json:
        print_json({"run_a": run_a, "run_b": run_b, **found.to_dict()})
    else:
        say(f"{run_a} against {run_b}: {found.sentence}", standard_output=True)
    return 0
