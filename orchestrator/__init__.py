"""ntactl: prove a broken chain of trust, push a negative trust anchor, take it out again."""

__version__ = "0.1.0"
