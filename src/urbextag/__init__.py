"""urbextag: tags archives of photos of abandoned places, on the owner's own machine."""

__version__ = "0.1.0"
