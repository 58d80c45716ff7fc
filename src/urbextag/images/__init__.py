"""Opens a photo of any known format once: what it is, what its file says of it, and its pixels."""

from urbextag.images.decode import decode, open_photo, read_facts
from urbextag.images.faults import Limits
from urbextag.images.sniff import FORMATS, PHOTO_SUFFIXES, RAW_FORMATS, sniff

__all__ = ["FORMATS", "PHOTO_SUFFIXES", "RAW_FORMATS", "Limits", "decode", "open_photo", "read_facts", "sniff"]
