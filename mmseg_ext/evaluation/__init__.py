"""Exact scores from confusion counts, their records per image, and their uncertainty.

`confusion`, `scores`, `records` and `bootstrap` need NumPy (and pyarrow) only; `seg_metric` is the metric for mmseg.
"""
