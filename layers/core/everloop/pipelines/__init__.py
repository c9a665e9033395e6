"""All that renders a request for SageMaker: pipelines, jobs, endpoint configs, rollouts."""
