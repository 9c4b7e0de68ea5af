"""Masks to LabelMe files and back."""
