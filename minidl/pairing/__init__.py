"""Which activation goes with which loss."""

from minidl.pairing.grid import Head, Pairing, heads, hidden_activations
