"""The formats of a drop, a file for each: its name is the value of [data].format."""
