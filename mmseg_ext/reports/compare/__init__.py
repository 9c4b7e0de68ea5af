"""Comparison of runs as a page, a Markdown table, JSON, and Plotly figures.

It imports `mmseg_ext.runs`, `mmseg_ext.evaluation` and below.
"""

from mmseg_ext.reports.compare.charts import comparison_figures
from mmseg_ext.reports.compare.comparison import Comparison, Group, Spread, compare_runs
from mmseg_ext.reports.compare.outputs import json_document, write_outputs
from mmseg_ext.reports.compare.tables import markdown_table

__all__ = [
    'Comparison',
    'Group',
    'Spread',
    'compare_runs',
    'comparison_figures',
    'json_document',
    'markdown_table',
    'write_outputs',
]
