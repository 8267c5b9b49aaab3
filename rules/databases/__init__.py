"""Databases that are asked synchronously."""
