"""Derived tags against what people say is there: golden sets, figures, and a gate between two configurations."""
