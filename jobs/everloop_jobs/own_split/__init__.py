"""A split that Everloop makes itself, as [data.split] says: each row is in one part."""
