"""The page, `everloop ui`: what views tell, in a browser. Loopback only; it owns no query."""
