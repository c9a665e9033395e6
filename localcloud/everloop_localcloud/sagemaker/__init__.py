"""SageMaker: a control plane whose jobs and endpoints really run."""
