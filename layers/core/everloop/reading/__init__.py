"""What people are shown, read: ledger, registry, SageMaker and S3 through the door, as views.

The command reads with this; pages and packs will. The functions do not: they read facts.
"""
