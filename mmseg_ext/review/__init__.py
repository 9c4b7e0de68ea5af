"""Review of masks: a queue of doubted ones, decisions about them, and the local page where they are made.

NumPy and OpenCV; Starlette for the page. Imports `mmseg_ext.eda` and below.
"""

from mmseg_ext.review.journal import DECISIONS, Decision
from mmseg_ext.review.queue import Entry, Queue, read_queue
from mmseg_ext.review.session import Review
from mmseg_ext.review.snap import snap_region

__all__ = ['DECISIONS', 'Decision', 'Entry', 'Queue', 'Review', 'read_queue', 'snap_region']
