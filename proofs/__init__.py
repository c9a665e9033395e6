"""What shows that stack and laptop cloud hold: simulator, audit, load, figures, strangers' code."""
