"""Features of [features]: written into SageMaker's Feature Store, and read as they were known."""
