"""The network of a walkthrough as a graph: laid out, as it stands after a step, drawn as SVG."""

from minidl.walkthrough.graph.drawing import GRAPH_STYLE as GRAPH_STYLE
from minidl.walkthrough.graph.drawing import draw as draw
from minidl.walkthrough.graph.drawing import graph_of as graph_of
from minidl.walkthrough.graph.drawing import svg as svg
from minidl.walkthrough.graph.layout import Graph as Graph
from minidl.walkthrough.graph.state import Picture as Picture
from minidl.walkthrough.graph.state import curves as curves
from minidl.walkthrough.graph.state import picture as picture
