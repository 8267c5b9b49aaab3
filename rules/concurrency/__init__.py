"""How asynchronous code shares tasks, clients and sessions."""
