"""Synthetic clips of people who perform actions, for the demo and the tests."""
