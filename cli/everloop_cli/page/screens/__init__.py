"""The pages: each reads a view, and renders it."""
