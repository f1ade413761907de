"""One package per vendor: each speaks one protocol and knows nothing of nodes or pipelines."""
