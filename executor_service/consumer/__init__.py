"""A good JetStream citizen: pulls no more than it has room for, survives reconnects, stops without losing work."""
