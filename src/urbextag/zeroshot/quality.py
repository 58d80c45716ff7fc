"""The look of a photo by antonym prompts (CLIP-IQA), and its join with the technical quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def looks(positive: NDArray[np.float32], negative: NDArray[np.float32], logit_scale: float) -> NDArray[np.float32]:
    """Softmax of a photo over the two prompts of each pair: the share of the positive one.

    Wang, Chan and Loy, "Exploring CLIP for Assessing the Look and Feel of Images" (AAAI 2023). The paper takes the
    model's own scale (100 for CLIP), and so do we (117 for SigLIP): at 117 a lead of 0.01 in cosine gives 0.76, of
    0.03 gives 0.97. Prompts that differ in one word lie that close, and the mean over several pairs has room between
    0 and 1; a gentler scale would be a guess. The paper also drops the position embedding of its image encoder to take
    pictures of any size; stored embeddings are those of the model as published.

    Args:
        positive: cosines (photos, pairs) with the positive prompts.
        negative: the same with the negative ones.
        logit_scale: the model's scale of cosines.

    Returns:
        Shares in [0, 1], (photos, pairs).
    """
    import numpy as np

    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logit_scale * (positive - negative)), np.float32)


def join_quality(technical: float | None, look: float, share: float) -> float:
    """Technical quality and look in one: their weighted geometric mean, so that neither makes up for a zero.

    Args:
        technical: in [0, 1], None where it was not measured: the look then stands alone.
        look: in [0, 1].
        share: the look's weight in [0, 1].

    Raises:
        ValueError: a value is outside [0, 1].
    """
    for value in (look, share) if technical is None else (technical, look, share):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{value} is not within 0 and 1")
    if technical is None:
        return look
    return min(1.0, float(technical ** (1.0 - share) * look**share))
