"""The same network under several heads: what each would teach it, side by side."""

from minidl.walkthrough.xrays.comparison import XRay as XRay
from minidl.walkthrough.xrays.comparison import xray as xray
