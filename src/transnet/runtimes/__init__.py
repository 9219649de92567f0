"""The runtimes in which a backbone can run on this machine, and the choice between them."""
