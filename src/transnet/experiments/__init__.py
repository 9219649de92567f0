"""One training or a grid of them, evaluated, as a table of results."""
