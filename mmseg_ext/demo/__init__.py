"""Synthetic pets: images of cats and dogs with exact masks, and the same masks with planted annotation defects."""
