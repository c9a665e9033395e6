"""Load: a burst of objects and a crowd of models; nothing lost, nothing twice, and what it cost."""
