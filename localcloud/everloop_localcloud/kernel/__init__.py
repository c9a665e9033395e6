"""What every service stands on: clock, state, wire, signatures, access, quotas, the front."""
