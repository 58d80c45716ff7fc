"""Reads stored embeddings: view type, concepts and look of a photo, from prompts that are data."""

from urbextag.zeroshot.bank import TextEncoder
from urbextag.zeroshot.build import open_zero_shot
from urbextag.zeroshot.prompts import Prompts, load_prompts
from urbextag.zeroshot.quality import join_quality
from urbextag.zeroshot.read import Reading, ZeroShot

__all__ = ["Prompts", "Reading", "TextEncoder", "ZeroShot", "join_quality", "load_prompts", "open_zero_shot"]
