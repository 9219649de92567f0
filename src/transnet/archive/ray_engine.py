"""Labeling on a Ray cluster: Ray Data's ``map_batches`` over paths.

Paths travel, videos do not: each actor is a :class:`~transnet.archive.labeler.Labeler` that opens
its videos itself. Rows come back to the driver, which alone writes parts, so a task that Ray runs
again never writes a row twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from transnet.archive.labeler import Labeler
from transnet.archive.parts import Row
from transnet.errors import TransNetError

BATCH = 32
"""Paths that an actor gets at a time."""


def label_with_ray(
    labeler: Labeler, runtime: str, paths: Sequence[str], address: str | None
) -> Iterator[Row]:
    """Label videos on a cluster.

    Args:
        labeler: what each actor makes for itself; every machine of the cluster can read its run,
            and the ``workers`` of its config are the cores of an actor.
        runtime: the runtime of the backbone.
        paths: the videos.
        address: of the cluster; by default a cluster is started on this machine.

    Raises:
        TransNetError: Ray is not installed, or an actor failed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise TransNetError(
            f"--engine ray needs Ray Data, which cannot be imported ({error}); "
            "install it with: pip install 'transnet-har[ray]'"
        ) from error
    ray.init(address=address, ignore_reinit_error=True, logging_level=logging.WARNING)
    ray.data.DataContext.get_current().enable_progress_bars = False
    config = labeler.config
    cores = config.workers or 1
    gpus = 0 if config.device == "cpu" else min(1, int(ray.cluster_resources().get("GPU", 0)))
    actors = max(1, int(ray.cluster_resources()["CPU"] // cores))
    if gpus:
        actors = int(ray.cluster_resources()["GPU"])
    rows = ray.data.from_items([{"path": path} for path in paths]).map_batches(
        Labeler,
        fn_constructor_args=(labeler.run, config, runtime),
        fn_constructor_kwargs={"isolate": labeler.isolate},
        batch_size=BATCH,
        concurrency=(1, actors),
        num_cpus=cores,
        num_gpus=gpus,
    )
    try:
        for table in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield from table.to_pylist()
    except ray.exceptions.RayError as error:
        raise TransNetError(f"Ray stopped the job ({error}).") from error
