"""The use cases: load, decide, save. No gRPC, no SQL, no messages."""
