"""The fake AWS of the simulator: one state object, in virtual time, that remembers what it saw."""
