"""An embedded AWS for a laptop: one process, one loopback port, the API that all clients know."""
