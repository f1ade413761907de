"""What every service needs and none owns: no word of any domain, no stub, no service's settings."""
