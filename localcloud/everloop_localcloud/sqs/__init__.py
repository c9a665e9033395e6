"""SQS: queues whose cost per message does not grow with the backlog, and that survive SIGKILL."""
