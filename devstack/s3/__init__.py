"""A small S3 server of our own: a subset of the protocol, kept on disk, with every signature verified."""
