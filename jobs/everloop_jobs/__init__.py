"""Scripts that run inside SageMaker processing jobs, for every model; published to S3 as is."""
