"""Pages, tables, charts and overlays for people to read."""
