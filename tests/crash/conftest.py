"""The installations of the end-to-end tests."""

from tests.e2e.conftest import new_home

__all__ = ["new_home"]
