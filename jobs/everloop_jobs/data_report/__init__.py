"""What a drop holds, for people: types, ranges, duplicates, leaks, and what changed."""
