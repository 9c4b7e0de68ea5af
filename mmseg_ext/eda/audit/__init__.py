"""The audit: which masks and images of a data set are wrong, by checks with named thresholds.

NumPy and OpenCV only; imports `mmseg_ext.data` and below. `region_checks`, `shape_checks`, `overlap` and `duplicates`
hold the checks, `rules` their severities and thresholds.
"""

from mmseg_ext.eda.audit.duplicates import group_near_duplicates
from mmseg_ext.eda.audit.findings import SEVERITIES, Finding
from mmseg_ext.eda.audit.label_set import Audit, audit_label_set
from mmseg_ext.eda.audit.report import checks_table, findings_table, write_audit_json, write_findings_csv
from mmseg_ext.eda.audit.rules import RULES, Rule, Rules, read_rules

__all__ = [
    'RULES',
    'SEVERITIES',
    'Audit',
    'Finding',
    'Rule',
    'Rules',
    'audit_label_set',
    'checks_table',
    'findings_table',
    'group_near_duplicates',
    'read_rules',
    'write_audit_json',
    'write_findings_csv',
]
