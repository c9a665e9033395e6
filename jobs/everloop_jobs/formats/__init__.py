"""How the files of a drop are recognised, read and checked.

The prepare job and `everloop drop` read with this same code, so it needs nothing but Python.
"""
