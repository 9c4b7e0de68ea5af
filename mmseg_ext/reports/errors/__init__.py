"""The page, tables and charts of an error analysis."""
