"""What is known of packages: one file a family, each with one `library`. The engine finds them by being here."""
