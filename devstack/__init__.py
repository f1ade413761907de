"""The whole system on one machine: embedded servers, the services, and what they need to trust each other."""
