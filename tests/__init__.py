"""Civicloop's tests; what they share stands in fixtures.py, postgres.py and browsing.py."""
