"""Data with a known bias goes through the loop: refused, mended, released, watched, as pages."""
