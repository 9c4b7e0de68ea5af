"""Public data sets brought into the project's layout; one module a source.

Each converter looks for every file of the source that it needs before it writes the first of its own, and goes on
where an interrupted run stopped (`mmseg_ext.converters.output`).
"""
