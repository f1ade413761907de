"""Translates between the contract's messages and the domain's values, and refuses what is incomplete."""
