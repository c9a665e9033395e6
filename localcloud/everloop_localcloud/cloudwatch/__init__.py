"""CloudWatch: metrics, and alarms that are evaluated as data arrives and as time passes."""
