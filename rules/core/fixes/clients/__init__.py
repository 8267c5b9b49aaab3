"""Clients over HTTP: where a fix finds one, makes one, and asks it."""
