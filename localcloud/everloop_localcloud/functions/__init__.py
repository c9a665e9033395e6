"""AWS Lambda: functions run for real, in processes that the real runtime client leads."""
