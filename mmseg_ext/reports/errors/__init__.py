"""Error analysis as a page, charts, tables and a Markdown report.

It imports `mmseg_ext.evaluation` and below; matplotlib only when a chart is made.
"""

from mmseg_ext.reports.errors.markdown import check_markdown, write_errors_markdown
from mmseg_ext.reports.errors.outputs import check_out, write_error_outputs

__all__ = ['check_markdown', 'check_out', 'write_error_outputs', 'write_errors_markdown']
