"""The gRPC services: decode, call a command, encode. No rules, no SQL."""
