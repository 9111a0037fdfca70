"""Interfaces of other loaders over this engine."""
