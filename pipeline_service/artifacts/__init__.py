"""The object store, as commands see it."""

from pipeline_service.artifacts.s3 import S3Artifacts

__all__ = ["S3Artifacts"]
