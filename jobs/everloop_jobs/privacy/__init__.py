"""What stands in the place of personal values: [privacy] of model.toml."""
