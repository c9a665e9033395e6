"""The fault simulator: the whole product against a fake AWS, in virtual time, one seed a history.

Real are the product's handlers, decisions and state machines, boto3 with its parsing and retries,
and of the local cloud its interpreter, event patterns, wire protocols and roles. Ours are the wire
(where faults strike), the clock, the scheduler, and the AWS that remembers what it saw.
"""
