"""How keys of AWS KMS are named."""

import re
from collections.abc import Sequence

_KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key/[A-Za-z0-9-]+")
"""No alias: what wrapped a key must be told from whatever an alias leads to by now."""


def region_of(keys: Sequence[str]) -> str:
    """The one region of these keys. Raises ValueError."""
    found = [_KEY_ARN.fullmatch(key) for key in keys]
    regions = {match[1] for match in found if match}
    if not all(found) or len(regions) != 1:
        raise ValueError("expected keys of one region, each as arn:aws:kms:REGION:ACCOUNT:key/ID")
    return regions.pop()
