"""The endpoints: from a request to a report, and from what became of it to an answer."""
