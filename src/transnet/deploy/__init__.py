"""A trained run as files for other runtimes, and a recognizer that runs them without torch."""
