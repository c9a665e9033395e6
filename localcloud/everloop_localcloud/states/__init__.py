"""Step Functions: state machines in JSONata and JSONPath, run as AWS runs them."""
