"""What the regular expressions of the contract take, in words for people."""

_ID = "[a-z0-9][a-z0-9-]{0,62}"
_UUID = "[0-9a-f-]{36}"
_ID_RULE = "1 to 63 of a-z, 0-9 and '-', the first a letter or digit"
_PIPELINE, _NODE = f"pipelines/{_ID}", f"pipelines/{_ID}/nodes/{_ID}"
# What is read, and what decides about runs, also takes the shadow of a draft.
_ANY_PIPELINE, _ANY_NODE = f"{_PIPELINE}(~draft)?", f"{_PIPELINE}(~draft)?/nodes/{_ID}"

PATTERNS = {
    f"^{_ID}$": f"an id: {_ID_RULE}",
    f"^{_PIPELINE}$": f"'pipelines/<id>', where an id is {_ID_RULE}",
    f"^{_NODE}$": f"'pipelines/<id>/nodes/<id>', where an id is {_ID_RULE}",
    f"^{_ANY_PIPELINE}$": f"'pipelines/<id>', where an id is {_ID_RULE}",
    f"^{_ANY_NODE}$": f"'pipelines/<id>/nodes/<id>', where an id is {_ID_RULE}",
    f"^{_ANY_PIPELINE}/nodes/(-|{_ID})$": (
        f"'pipelines/<id>/nodes/<id>', or '-' as the last id, where an id is {_ID_RULE}"
    ),
    f"^{_ANY_NODE}/executions/{_UUID}$": "'pipelines/<id>/nodes/<id>/executions/<uuid>', the UUID in lower case",
    f"^{_ANY_PIPELINE}/runs/{_UUID}$": "'pipelines/<id>/runs/<uuid>', the UUID in lower case",
    f"^nodeTypes/{_ID}$": f"'nodeTypes/<id>', where an id is {_ID_RULE}",
    "^[A-Za-z0-9_.:-]{1,128}$": "1 to 128 of A-Z, a-z, 0-9, '_', '.', ':' and '-'",
    "^[a-z][a-z0-9_-]{0,62}$": "1 to 63 of a-z, 0-9, '_' and '-', the first a letter",
    "^[A-Za-z0-9_.-]{0,63}$": "at most 63 of A-Z, a-z, 0-9, '_', '.' and '-'",
    "^[A-Za-z][A-Za-z0-9_-]{0,63}$": "the name of a slot: 1 to 64 of A-Z, a-z, 0-9, '_' and '-', the first a letter",
    "^[0-9a-f]{64}$": "a SHA-256: 64 hex digits in lower case",
    "^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+$": "a media type in lower case, for example 'audio/mp4'",
    "^[A-Za-z0-9][A-Za-z0-9._@|/-]{0,254}$": "an owner: 1 to 255 of A-Z, a-z, 0-9, '.', '_', '@', '|', '/' and '-',"
    " the first a letter or digit",
    "^[^/\\x00-\\x1f]+$": "a file name without '/' and control characters",
}
"""By pattern, to follow the word "expected"."""
