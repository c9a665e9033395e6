"""Identity policies: what a role's calls need, and whether its policies allow it."""
