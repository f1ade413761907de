"""HTTP in, gRPC out, no state: authenticates a report from outside, brings it into one shape and hands it on."""
