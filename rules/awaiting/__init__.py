"""Asynchronous code that does not do what it says."""
