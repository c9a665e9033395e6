"""Application Auto Scaling: bounds for a variant's instances, and a target that load is held to."""
