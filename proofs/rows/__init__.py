"""Memory and time of data jobs against rows."""
