"""The ways out: one driver a file, each with the same sandbox that only records."""
