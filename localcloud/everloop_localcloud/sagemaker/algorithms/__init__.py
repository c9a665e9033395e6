"""Stand-ins for SageMaker's built-in algorithms; those without one run on AWS only."""
