"""Audits of the whole product: what tools and rules of our own find wrong with it."""
