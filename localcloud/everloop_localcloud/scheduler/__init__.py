"""EventBridge Scheduler: one-time and recurring schedules that call a target with a role."""
