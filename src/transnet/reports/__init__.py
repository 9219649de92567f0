"""Pages, tables, charts and drawings that a person looks at."""
