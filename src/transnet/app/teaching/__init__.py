"""Projects of the web page: classes, recorded takes, training, held-out results."""
