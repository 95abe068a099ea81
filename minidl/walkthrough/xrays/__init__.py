"""The same network under several heads: what each would teach it, side by side."""

from minidl.walkthrough.xrays.comparison import XRay, xray

__all__ = [
    "XRay",
    "xray",
]
