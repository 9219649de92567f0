"""Commands that are not functions of the Python API, and what commands print."""
