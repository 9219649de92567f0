"""A trained run as files for other runtimes, and a recogniser that runs them without torch."""
