"""The rules: facts and `now` in, decisions out. No clock, no SQL, no gRPC, no await."""
