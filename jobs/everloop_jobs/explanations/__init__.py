"""Explanations of a version: which columns it relies on, and how its answers follow them.

By the model's own way of answering, whatever it is: rows of the holdout are asked again with one
column changed. `questions` makes these rows, the scorer answers what the time allows, and
`answers` reads what that says. What was not reached is told.
"""
