"""The fixtures of every test, in tests/ and beside the loops."""

pytest_plugins = ("tests.fixtures",)
