"""Suggests the kind of place and the era where the owner has not set them, with both sides; nothing is applied here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from urbextag.rollup.era import era_cues
from urbextag.rollup.kinds import Speech, Weighed, strongest_first
from urbextag.rollup.records import Known, Suggestion, View, Voice

if TYPE_CHECKING:
    from urbextag.records import Era, EraHint, Years
    from urbextag.taxonomy import Concept, Taxonomy

MIN_SUPPORT = 0.6
"""Weight below which no kind of place is suggested: one certain photo of it, or several of what is usual there."""
MIN_ERA = 0.3
"""Confidence below which no era is suggested: a single number of four digits on a sign is none."""
WIDEST = 80
"""Years that an era may span to be worth setting."""
MIN_SHARE = 0.5
"""Of the weight for and against: a kind of place that the photos rather deny is not suggested."""
MIN_CLASS_SHARE = 0.6
"""The same of a class within a category; below it the category alone is suggested."""
FINER = 0.75
"""Share of its support that a finer class must have to stand for a coarser one: textile mill for mill."""
CANDIDATES = 6
"""Kinds of place that are weighed in full, the most named first."""


def suggestions(views: Sequence[View], taxonomy: Taxonomy, known: Known) -> tuple[Suggestion, ...]:
    """What the photos say of the place where the owner has said nothing, and has not dismissed it."""
    found = (suggest_type(views, taxonomy, known), suggest_era(views, known))
    return tuple(one for one in found if one is not None)


def suggest_type(views: Sequence[View], taxonomy: Taxonomy, known: Known) -> Suggestion | None:
    """The category that the photos speak for, and the class within it where they agree on one; None: too little.

    Where the owner has set the category it is a class within it, where the class alone its category.
    """
    if known.type and known.stype:
        return None
    speech = Speech(views, taxonomy)
    if known.stype:
        place = taxonomy.place(known.stype)
        category = place and taxonomy.place(place.category_name)
        found = speech.weigh(category) if category and not _dismissed(category, taxonomy, known) else None
        return _type(speech, found, {"type": found.place.category_name}) if found and _holds(found) else None
    places = _candidates(speech, known)
    if known.type:
        category = taxonomy.place(known.type)
        within = _class(speech, places, category) if category else None
        return _type(speech, within, {"stype": within.place.label}) if within else None
    best = _best(speech, [place for place in places if place.category])
    if best is None:
        return None
    columns = {"type": best.place.category_name}
    within = _class(speech, places, best.place)
    return _type(speech, within, columns | {"stype": within.place.label}) if within else _type(speech, best, columns)


def _candidates(speech: Speech, known: Known) -> list[Concept]:
    """The kinds of place that are spoken for and not dismissed, the most named first."""
    named = speech.named()
    concepts = speech.taxonomy.concepts
    places = [concepts[place] for place in sorted(named, key=lambda place: (-named[place], place)) if named[place]]
    return [place for place in places if not _dismissed(place, speech.taxonomy, known)]


def _dismissed(place: Concept, taxonomy: Taxonomy, known: Known) -> bool:
    """Whether it, or what it is a kind of, was dismissed: what is no hospital is no children's hospital."""
    lines = (place.label, *(taxonomy.concepts[above].label for above in place.lineage))
    return any(label in known.dismissed_types for label in lines)


def _class(speech: Speech, places: Sequence[Concept], category: Concept) -> Weighed | None:
    """The class of a category that the photos agree on; the finer one where it has most of the coarser's support."""
    within = [place for place in places if not place.category and category.id in place.lineage]
    best = _best(speech, within, MIN_CLASS_SHARE)
    while best is not None:
        below = [place for place in within if best.place.id in place.lineage]
        finer = _best(speech, below, MIN_CLASS_SHARE)
        if finer is None or finer.support < FINER * best.support:
            break
        best = finer
    return best


def _best(speech: Speech, places: Iterable[Concept], share: float = MIN_SHARE) -> Weighed | None:
    """The kind of place for which the most speaks after what speaks against it is taken off."""
    weighed = [speech.weigh(place) for place in list(places)[:CANDIDATES]]
    held = [one for one in weighed if _holds(one, share)]
    return min(held, key=lambda one: (one.against - one.support, one.place.id), default=None)


def _holds(weighed: Weighed, share: float = MIN_SHARE) -> bool:
    return weighed.support >= MIN_SUPPORT and weighed.share >= share


def _type(speech: Speech, found: Weighed, columns: dict[str, str]) -> Suggestion:
    supporting, contradicting = speech.voices(found.place)
    return Suggestion(
        "type",
        found.place.label,
        columns,
        found.share,
        found.agree,
        found.tell,
        found.support,
        found.share * found.support / (1.0 + found.support),
        supporting,
        contradicting,
    )


def suggest_era(views: Sequence[View], known: Known) -> Suggestion | None:
    """The years in which the place was built as the cues give them; None where they are set or too little tells.

    Where an interval was dismissed, or spans too much to say anything, the cues that gave it are left out and the rest
    is asked again.
    """
    from urbextag.taxonomy import join_era

    cues = [] if known.built_year else [hint for hint, _ in era_cues(views)]
    while cues:
        era = join_era(cues)
        if era is None or era.built is None:
            return None
        if era_text(era.built) not in known.dismissed_eras and era.built[1] - era.built[0] <= WIDEST:
            found = _era(views, era.built, era)
            return found if found.confidence >= MIN_ERA and found.share >= MIN_SHARE else None
        gave = {(hint.concept, hint.years) for hint in era.chain if hint.kind == "built"}
        cues = [hint for hint in cues if hint.kind != "built" or (hint.concept, hint.years) not in gave]
    return None


def era_text(years: Years) -> str:
    """Years as the application writes them: "1887" or "1880-1900"."""
    first, last = years
    return str(first) if first == last else f"{first}-{last}"


def _era(views: Sequence[View], built: Years, era: Era) -> Suggestion:
    """The suggestion of an interval, with the views whose cues lie in it and those whose cues cannot."""
    sides: tuple[list[Voice], list[Voice]] = ([], [])
    agree = 0
    for view in views:
        photo = view.speaker
        hints = photo.era if photo.shows_the_place else ()
        weights = [_side(hints, built, denies=denies) for denies in (False, True)]
        agree += weights[0][0] > weights[1][0]
        for side, (weight, shows) in enumerate(weights):
            if weight:
                sides[side].append(Voice(photo.sha, photo.name, shows, weight))
    support, against = (sum(sorted(voice.weight for voice in side)) for side in sides)
    share = support / (support + against) if support else 0.0
    return Suggestion(
        "era",
        era_text(built),
        {"built_year": era_text(built), "built_type": "year" if built[0] == built[1] else "range"},
        share,
        agree,
        len({voice.sha for side in sides for voice in side}),
        support,
        era.confidence * share,
        strongest_first(sides[0]),
        strongest_first(sides[1]),
    )


def _side(hints: Iterable[EraHint], built: Years, *, denies: bool) -> tuple[float, tuple[str, ...]]:
    """How much a view's cues speak for (or against) an interval of building, and what they are.

    What was built in other years speaks against it, and so does what had gone out of use before it.
    """
    told = [
        (hint.confidence, _shown_as(hint))
        for hint in hints
        if ((hint.years[1] < built[0] or (hint.kind == "built" and hint.years[0] > built[1])) if denies
            else hint.kind == "built" and hint.years[0] <= built[1] and hint.years[1] >= built[0])
    ]  # fmt: skip
    told.sort(key=lambda one: (-one[0], one[1]))
    return max((sure for sure, _ in told), default=0.0), tuple(text for _, text in told)


def _shown_as(cue: EraHint) -> str:
    """A cue in words: "art deco (built 1920-1940)"."""
    name = cue.concept.split("/")[-1].replace("-", " ")
    return f"{name} ({cue.kind} {era_text(cue.years)})"
