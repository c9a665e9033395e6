"""One whole loop against a real stack, on AWS or on the laptop, recorded as conformance cases."""
