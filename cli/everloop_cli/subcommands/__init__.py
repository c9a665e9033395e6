"""One file for each subcommand: what it takes, and what it says. What it does stands elsewhere."""
