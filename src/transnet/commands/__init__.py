"""The commands of the command line that are not functions of the Python API, and their output."""
