"""A typed client for Montage (`montage_cli.client.MontageClient`) and the `montage` command."""

__version__ = "0.1.0"
