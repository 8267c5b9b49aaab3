"""`Session` to `AsyncSession`: whether both ask the same database, what a function does with its session, and what that becomes."""
