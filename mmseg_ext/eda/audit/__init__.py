"""The audit: which masks and images of a data set are wrong, by rules with named thresholds."""
