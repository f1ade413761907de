"""Vendors' webhooks: from a delivery as it came to the job that there are news of. Pure."""
