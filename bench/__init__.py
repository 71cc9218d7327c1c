"""Side-by-side measurements: each prints one line of JSON with a ratio, its target and what was compared."""
