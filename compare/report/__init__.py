"""Figures and the page of a run: what has been computed, shown."""

import logging

# It warns where it may not write its cache, which costs a second each time and is no matter of the
# person who looks on.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
