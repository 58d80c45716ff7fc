"""The sentence about a photo's place that models which read one are asked with."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from urbextag.records import Context, ViewType
from urbextag.states import state_name

if TYPE_CHECKING:
    from urbextag.taxonomy import Taxonomy

_WANTED = "Include: architectural features, decay indicators, equipment, materials, and condition."
_SHOWN: dict[ViewType, str] = {
    "interior": "interior photograph",
    "exterior": "exterior photograph",
    "aerial": "aerial view",
    "detail": "detail photograph",
}
"""Of a document, and where the view is not known, it is a photograph."""
_LONGEST = 60
"""Letters of a name; longer ones are no names."""


def build_prompt(context: Context) -> str:
    """One line: `List detailed tags for this interior photograph of an abandoned hospital in New York. Include: ...`.

    What is not known is left out; a place of unknown type is a "building". State codes are written out. Words from
    outside keep their letters, digits, spaces and `'-.&` only, so that none can end the sentence with a token of the
    model's own (`</s>`, `<OD>`) or a line of its own.
    """
    shown = _SHOWN.get(context.view_type, "photograph") if context.view_type else "photograph"
    place = clean_name(context.location_type) or "building"
    state = clean_name(context.state)
    where = f" in {state_name(state)}" if state else ""
    return f"List detailed tags for this {shown} of an abandoned {place}{where}. {_WANTED}"


def prompt_of(taxonomy: Taxonomy, context: Context, seen: ViewType | None) -> str:
    """The prompt of a photo: the view is the owner's word, else what its embedding speaks for.

    Args:
        taxonomy: tells a class of place ("hospital") from a category ("medical", then "medical building").
        context: what is known of the photo's place.
        seen: the view that the embedding speaks for, None where there is none.
    """
    if context.view_type is None and seen is not None:
        context = replace(context, view_type=seen)
    return build_prompt(replace(context, location_type=place_kind(taxonomy, context.location_type)))


def place_kind(taxonomy: Taxonomy, location_type: str | None) -> str | None:
    """What kind of place it is: a class as it is ("hospital"), a category ("medical") as "medical building"."""
    place = taxonomy.place(location_type) if location_type else None
    return f"{place.label} building" if place is not None and place.category else location_type


def clean_name(words: str | None) -> str:
    """A name from outside, without what names do not have: 60 letters, digits, spaces and `'-.&` are left at most.

    Accents that stand beside their letter (file names on macOS) are joined with it, and a typographic apostrophe is
    written plain, so that neither tears a word apart.
    """
    plain = unicodedata.normalize("NFC", words or "").replace("’", "'")
    return " ".join(re.sub(r"[^\w\s'&.-]", " ", plain).split())[:_LONGEST].strip(" .")
