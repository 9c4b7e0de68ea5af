"""Label quality: scores, their evidence, suggestions for corrected masks."""
