"""The web page (``transnet app``) and the HTTP API (``transnet serve``)."""
