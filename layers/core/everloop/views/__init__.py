"""What people are shown of a model, as plain values: the command, messages and pages render it.

Nothing here reads: who renders a view brings what ledger, registry and S3 say.
"""
