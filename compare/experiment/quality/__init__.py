"""What the article claims in words, measured on the test set: to each question a file, and an entry of the result."""

from compare.experiment.quality.codec import Codec
from compare.experiment.quality.questions import Quality, measure
from compare.experiment.quality.tables import Table, literal, markdown, tables

__all__ = ["Codec", "Quality", "Table", "literal", "markdown", "measure", "tables"]
