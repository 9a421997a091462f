"""Fixtures of the workspace tests."""

from shop_repository import bench

__all__ = ["bench"]
