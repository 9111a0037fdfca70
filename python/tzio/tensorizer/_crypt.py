"""Whether there is encryption: always."""

from ..errors import CryptographyError

__all__ = ["CryptographyError", "available"]

available = True
