"""Faults made to happen: kills, damage, full disks, and files that are no videos.

::

    python -m scripts.faults [--only kill] [--tries N] [--seed N]

Every command runs in a child process that begins in ``transnet.cli.main``, forked from one that
has imported the libraries: a start costs milliseconds instead of seconds. Rows of
``results/faults.csv`` are replaced by the name of the fault, and the table in
``docs/reliability.md`` is made from them.
"""
