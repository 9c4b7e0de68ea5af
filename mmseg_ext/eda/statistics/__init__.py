"""Statistics of a data set: class balance, areas, brightness and contrast, positions, and drift between splits.

NumPy, OpenCV and matplotlib only; imports `mmseg_ext.data` and below.
"""

from mmseg_ext.eda.statistics.collect import Statistics, collect_statistics
from mmseg_ext.eda.statistics.drift import Drift, measure_drift
from mmseg_ext.eda.statistics.figures import (
    area_figure,
    balance_figure,
    drift_figure,
    light_figure,
    position_figure,
)
from mmseg_ext.eda.statistics.report import check_out, write_report
from mmseg_ext.eda.statistics.tables import make_tables
from mmseg_ext.eda.table import Table

__all__ = [
    'Drift',
    'Statistics',
    'Table',
    'area_figure',
    'balance_figure',
    'check_out',
    'collect_statistics',
    'drift_figure',
    'light_figure',
    'make_tables',
    'measure_drift',
    'position_figure',
    'write_report',
]
