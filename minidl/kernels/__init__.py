"""Arithmetic on arrays: everything that runs compiled.

Nothing here knows of tensors, layers or names: a kernel gets arrays, writes into arrays that it
is given, takes its hyper-parameters as float64 and never raises.
"""
