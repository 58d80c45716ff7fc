"""Laws of the roll-up that hold for any photos: of order, of duplicates, of further agreement."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from places import TAXONOMY, alone, photo, worn
from urbextag.records import EraHint
from urbextag.rollup import Embeddings, Known, summarise
from urbextag.rollup.kinds import Speech
from urbextag.rollup.views import distinct_views

LABELS = ("gurney", "graffiti", "hospital", "peeling paint", "boiler", "pew", "ward", "asylum", "mill", "newspaper")
VIEWS = ("interior", "exterior", "aerial", "detail", "document", "unknown")
tags = st.lists(st.tuples(st.sampled_from(LABELS), st.integers(30, 100)), max_size=4, unique_by=lambda tag: tag[0])


@st.composite
def shots(draw, most=7):
    """Photos, some of one moment, and the embeddings of some of them."""
    photos, rows = [], {}
    for number in range(draw(st.integers(1, most))):
        sha = f"{number}"
        labels = [f"{label}={sure / 100}" for label, sure in draw(tags)]
        first = draw(st.integers(185, 196)) * 10
        photos.append(
            photo(
                sha,
                *labels,
                view=draw(st.sampled_from(VIEWS)),
                quality=draw(st.sampled_from((None, 0.2, 0.5, 0.8))),
                condition=draw(st.sampled_from((None, worn(0.3, paint=0.3), worn(0.9, roof=0.9)))),
                era=(EraHint((first, first + 20), f"era/{first}", "built", 0.6),) if draw(st.booleans()) else (),
                camera=draw(st.sampled_from((None, "Nikon", "Leica"))),
                taken=f"2024-01-01T00:00:{draw(st.integers(0, 12)):02}",
            )
        )
        if draw(st.booleans()):
            rows[sha] = draw(st.floats(0, 3))
    plane = np.array([(np.cos(angle), np.sin(angle)) for angle in rows.values()], np.float32).reshape(-1, 2)
    return photos, Embeddings(list(rows), plane)


def shares(photos, embeddings):
    summary = summarise(photos, TAXONOMY, Known(), embeddings)
    tags = {tag.concept: (tag.views, tag.share) for tag in summary.tags}
    said = [(one.value, one.share, one.agree, one.tell) for one in summary.suggestions]
    return summary.distinct_views, summary.views, tags, said, summary.condition and summary.condition.score


@settings(deadline=None, max_examples=60)
@given(shots(), st.randoms(use_true_random=False))
def test_order_never_matters(found, chance):
    photos, embeddings = found
    mixed = chance.sample(photos, len(photos))
    rows = chance.sample(range(len(embeddings.shas)), len(embeddings.shas))
    turned = Embeddings([embeddings.shas[row] for row in rows], embeddings.matrix[rows])
    assert summarise(mixed, TAXONOMY, Known(), turned) == summarise(photos, TAXONOMY, Known(), embeddings)


@settings(deadline=None, max_examples=60)
@given(shots(), st.data(), st.sampled_from(("", "z")))
def test_a_duplicate_of_a_photo_never_changes_a_share(found, data, after):
    """Taken in the same moment, as like as can be, and no better: whether its id comes before or after."""
    photos, embeddings = found
    one = data.draw(
        st.sampled_from([photo for photo in photos if photo.camera or photo.sha in embeddings.shas] or photos)
    )
    again = replace(one, sha=f"{after}{one.sha}{'' if after else '-'}")
    shas, matrix = list(embeddings.shas), embeddings.matrix
    if one.sha in shas:
        shas, matrix = [*shas, again.sha], np.vstack([matrix, matrix[shas.index(one.sha)]])
    elif not one.camera:
        again = replace(again, pair_sha=one.sha)  # nothing else tells that it is the same
    assert shares([*photos, again], Embeddings(shas, matrix)) == shares(photos, embeddings)


@settings(deadline=None, max_examples=60)
@given(shots(), st.integers(30, 100), st.sampled_from(("hospital", "medical", "mill")))
def test_a_further_photo_that_agrees_never_lowers_support_or_share(found, sure, kind):
    place = TAXONOMY.place(kind)
    before = Speech(alone(*found[0]), TAXONOMY).weigh(place)
    after = Speech(alone(*found[0], photo("new", f"{kind}={sure / 100}")), TAXONOMY).weigh(place)
    assert after.support >= before.support and after.share >= before.share - 1e-12
    assert (after.agree, after.tell) == (before.agree + 1, before.tell + 1)


@settings(deadline=None, max_examples=60)
@given(shots())
def test_every_picture_is_in_one_view_and_shares_are_shares(found):
    photos, embeddings = found
    views = distinct_views(photos, embeddings)
    assert sorted(one.sha for view in views for one in view.photos) == sorted(one.sha for one in photos)
    summary = summarise(photos, TAXONOMY, Known(), embeddings)
    assert all(0 < tag.share <= 1 and 0 < tag.views <= tag.photos for tag in summary.tags)
    assert all(0 < one.share <= 1 and 0 <= one.confidence < 1 for one in summary.suggestions)
    assert len({one.sha for one in summary.heroes}) == len(summary.heroes) <= 5
    assert all(one.view_type != "document" for one in summary.heroes)
