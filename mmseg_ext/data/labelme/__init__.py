"""The LabelMe format: documents, shapes and polygons."""
