"""The paper's tables, printed beside what this package measures."""
