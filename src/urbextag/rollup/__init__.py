"""A location's photos together: pure functions over plain records. Start with `summary.summarise`."""

from urbextag.rollup.records import Known, LocationSummary, PhotoSummary, PhotoTag, SubLocation, Suggestion
from urbextag.rollup.summary import summarise
from urbextag.rollup.views import Embeddings

__all__ = [
    "Embeddings", "Known", "LocationSummary", "PhotoSummary", "PhotoTag", "SubLocation", "Suggestion", "summarise",
]  # fmt: skip
