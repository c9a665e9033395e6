"""Service Quotas: what an account may have of something, and asking for more."""
