"""Runs side by side: reading them from their folders, comparing them, and the page that shows it."""
