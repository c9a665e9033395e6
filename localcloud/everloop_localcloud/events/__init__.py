"""EventBridge: buses, rules, patterns, transformers, and delivery that loses nothing."""
