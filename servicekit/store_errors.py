"""What an object store may answer other than yes, sorted by what the caller does next."""


class StoreError(Exception):
    """Base of them all. Messages name operation and key, never a signature."""


class StoreUnavailable(StoreError):
    """The store is away, throttles or is broken; the same call later may succeed."""


class WriteConflict(StoreUnavailable):
    """Another conditional write of the same key is under way."""


class StoreRefused(StoreError):
    """The store refuses us or the request (keys, permission, bucket); repeating does not help."""


class ObjectMissing(StoreError):
    """There is no such object."""


class AlreadyExists(StoreError):
    """Another content is already stored under the key, and it stays."""


class ContentMismatch(StoreError):
    """The bytes have not the size or the checksum that was promised."""
