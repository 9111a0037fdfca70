"""Plug-ins for inference servers, found by their entry points: nothing is to be imported or patched."""
