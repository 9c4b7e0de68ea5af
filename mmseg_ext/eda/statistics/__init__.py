"""Statistics of a data set: class balance, areas, brightness and contrast, positions, and drift between splits."""

from mmseg_ext.eda.statistics.collect import Statistics, collect_statistics
from mmseg_ext.eda.statistics.figures import (
    area_figure,
    balance_figure,
    drift_figure,
    light_figure,
    position_figure,
)
from mmseg_ext.eda.statistics.quantities import Drift, measure_drift
from mmseg_ext.eda.statistics.report import check_out, write_report
from mmseg_ext.eda.statistics.table import Table
from mmseg_ext.eda.statistics.tables import make_tables

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
