"""What several functions do: read the truth, ask a decision, take the step. No boto3 here."""
