"""A part of S3: one subject's operations on what the storage keeps."""

from everloop_localcloud.s3.storage import Storage


class Part:
    """Changes buckets and versions through the storage, which all parts share."""

    def __init__(self, storage: Storage) -> None:
        self.cloud = storage.cloud
        self.storage = storage
