"""The ways of mending a finding: how each is proved, written and chosen."""
