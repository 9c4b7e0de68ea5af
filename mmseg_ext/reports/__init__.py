"""HTML pages that open from disk without a network: one file each, with images, style and script embedded."""
