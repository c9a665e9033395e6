"""AWS CloudFormation: stacks whose resources are created through the cloud's own public API."""
