"""Stage 2: a vision-language model on the owner's servers describes photos; START HERE: `runner.py`."""
