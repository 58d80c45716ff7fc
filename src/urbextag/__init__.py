"""urbextag: tags archives of photos of abandoned places, on the owner's own machine."""

import os

__version__ = "0.1.0"

# ONNX Runtime reports its use to its maker unless this is set before it is imported (its Privacy.md). Nothing may leave
# the owner's machine, so there is no way to switch it on.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
