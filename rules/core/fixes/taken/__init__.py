"""What stays taken while a fix awaits: connections, rows, locks."""
