"""Clients of other services that wait for the network."""
