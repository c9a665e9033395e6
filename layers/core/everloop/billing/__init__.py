"""What AWS bills: prices of a region, and what a stack and its models use."""
