"""Arrays that remember how they were made, and carry gradients back.

An operation (``op``) works on arrays; ``arithmetic`` and ``shapes`` hold those of minidl's own.
A ``node`` is an array in the graph that operations leave behind, ``backward`` walks that graph;
``tensor`` is what users hold, ``functions`` are operations by name, ``numpy_protocol`` NumPy's.
``block`` is a network's one piece of memory.
"""

from minidl.autodiff.backward import ancestors as ancestors
from minidl.autodiff.backward import gradients as gradients
from minidl.autodiff.block import Block as Block
from minidl.autodiff.block import stretches as stretches
from minidl.autodiff.functions import absolute as absolute
from minidl.autodiff.functions import clip as clip
from minidl.autodiff.functions import concatenate as concatenate
from minidl.autodiff.functions import exp as exp
from minidl.autodiff.functions import log as log
from minidl.autodiff.functions import matmul as matmul
from minidl.autodiff.functions import maximum as maximum
from minidl.autodiff.functions import minimum as minimum
from minidl.autodiff.functions import sqrt as sqrt
from minidl.autodiff.functions import stack as stack
from minidl.autodiff.functions import where as where
from minidl.autodiff.node import Node as Node
from minidl.autodiff.node import no_grad as no_grad
from minidl.autodiff.node import remembers as remembers
from minidl.autodiff.op import OUTPUT as OUTPUT
from minidl.autodiff.op import Arrays as Arrays
from minidl.autodiff.op import BinaryElementwise as BinaryElementwise
from minidl.autodiff.op import Elementwise as Elementwise
from minidl.autodiff.op import Op as Op
from minidl.autodiff.op import ScalarOp as ScalarOp
from minidl.autodiff.op import Shape as Shape
from minidl.autodiff.shapes import Sum as Sum
from minidl.autodiff.shapes import broadcast as broadcast
from minidl.autodiff.shapes import reduction as reduction
from minidl.autodiff.shapes import weighted_mean as weighted_mean
from minidl.autodiff.tensor import Tensor as Tensor
from minidl.autodiff.tensor import at_the_door as at_the_door
from minidl.autodiff.trace import Listener as Listener
from minidl.autodiff.trace import handed_to as handed_to
from minidl.autodiff.trace import listener as listener
from minidl.autodiff.trace import listeners as listeners
from minidl.autodiff.trace import recorder as recorder
from minidl.autodiff.trace import watcher as watcher
