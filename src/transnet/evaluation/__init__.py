"""Evaluation: metrics, intervals, explanations and the report."""
