"""The network of a walkthrough as a graph: laid out, as it stands after a step, drawn as SVG."""

from minidl.walkthrough.graph.drawing import GRAPH_STYLE, draw, graph_of, svg
from minidl.walkthrough.graph.layout import Graph
from minidl.walkthrough.graph.state import Picture, curves, picture

__all__ = [
    "GRAPH_STYLE",
    "Graph",
    "Picture",
    "curves",
    "draw",
    "graph_of",
    "picture",
    "svg",
]
