"""The report of a project: a document that writes itself from data, configs and results."""
