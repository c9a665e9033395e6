"""What `everloop init` writes into a folder: a model that trains, from its data's own columns."""
