"""The `everloop` command: the same against AWS and the laptop's cloud."""
