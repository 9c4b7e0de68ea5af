"""Masks as NumPy arrays: layout, reading and writing. Works without torch or mmsegmentation."""
