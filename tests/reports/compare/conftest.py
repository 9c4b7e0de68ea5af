"""The synthetic runs, as fixtures here."""

from synthetic_runs import make_run, pets

__all__ = ['make_run', 'pets']
