"""The release of tensorizer whose interface this is."""

__version__ = "2.12.1"
