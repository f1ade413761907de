"""The FFmpeg function that AWS Lambda runs: merges, mixes and composes videos that lie in S3."""
