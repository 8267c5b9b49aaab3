"""The engine. It knows no library and no rule by name."""
