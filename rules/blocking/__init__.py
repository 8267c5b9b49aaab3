"""Calls that stop the event loop while they wait or work."""
