"""What requests, threads and the event loop share, and who comes between."""
