"""S3: buckets, objects and their versions, with the bytes in files and one event per change."""
