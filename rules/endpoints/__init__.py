"""What FastAPI calls: endpoints, dependencies, middleware."""
