"""The HTML page of a run: rendered from what lies in the run's folder and from the source, and nothing computed."""
