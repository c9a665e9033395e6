"""An embedded AWS for a laptop: one process, one loopback port, the same API that the clients know."""
