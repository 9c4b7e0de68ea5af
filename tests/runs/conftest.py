"""The synthetic runs and the checkpoint that runs code, as fixtures here."""

from payload import foreign
from synthetic_runs import make_run, pets

__all__ = ['foreign', 'make_run', 'pets']
