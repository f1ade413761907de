"""One module per dialect: bytes as they came → Report. Pure functions."""
