"""What `python -m tzio` can do. The program `tz` does what needs no PyTorch."""
