"""The front: one loopback port that answers for every service, routed as AWS's clients sign."""
