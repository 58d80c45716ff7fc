"""Evidence in, tags out: the public names of the taxonomy."""

from urbextag.taxonomy.concept import FACETS, Concept, Facet
from urbextag.taxonomy.condition import condition_label, condition_level, condition_of, joined_score
from urbextag.taxonomy.derive import derive
from urbextag.taxonomy.era import join_era, parse_years
from urbextag.taxonomy.fuse import Band, band
from urbextag.taxonomy.load import load_taxonomy
from urbextag.taxonomy.match import Found, Matcher, Matches
from urbextag.taxonomy.model import Taxonomy
from urbextag.taxonomy.view import infer_view, is_archive_material
from urbextag.taxonomy.wire import derived_to_dict, parse_record

__all__ = [
    "FACETS",
    "Band",
    "Concept",
    "Facet",
    "Found",
    "Matcher",
    "Matches",
    "Taxonomy",
    "band",
    "condition_label",
    "condition_level",
    "condition_of",
    "derive",
    "derived_to_dict",
    "infer_view",
    "is_archive_material",
    "join_era",
    "joined_score",
    "load_taxonomy",
    "parse_record",
    "parse_years",
]
