"""The HTML page of a run: rendered from its folder and the source, and nothing computed."""
