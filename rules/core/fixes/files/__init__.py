"""Files that several requests name, write or read at once: what a thread or a new `await` changes for them."""
