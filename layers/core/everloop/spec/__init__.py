"""model.toml: what a model's owner decides, and what follows from it."""
