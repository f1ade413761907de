"""The life of one attempt: claim, heartbeats, work, report, and only then the acknowledgement."""
