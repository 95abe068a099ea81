"""What is said about each kind of step: one sentence on why it matters."""

from __future__ import annotations

WHY = {
    "problem": "These are the numbers that everything below is made from.",
    "dense": "Each unit weighs what comes in: its weights and bias are what is learned.",
    "matmul": "Each result is a weighted sum.",
    "elementwise": "An operation on each number by itself.",
    "activation": "Without a bend here, layer upon layer would be one linear layer.",
    "output": "Scores become predictions, in the range that these are to have.",
    "row": "A row of scores is looked at as a whole: raising one lowers the others.",
    "dropout": "Silenced units cannot be relied on; the others are scaled up to make up for them.",
    "moved": "The same numbers, where the next operation wants them.",
    "added": "Many numbers become one.",
    "each": "How wrong each prediction is, as one number: small is good.",
    "total": "One number for the whole batch: training lowers it.",
    "seed": "The way back starts here: the loss changes by 1 for each 1 that the loss changes.",
    "loss_back": "The first gradient: which way, and how strongly, each prediction should move.",
    "dense_dx": "A unit answers for all that it feeds: errors come back along the same weights.",
    "dense_dw": "A weight's gradient is what came in times how much its result was to blame.",
    "dense_db": "A bias is added as it is, so it takes the blame as it is.",
    "matmul_da": "The left factor's gradient comes back along the right factor.",
    "matmul_db": "The right factor's gradient comes back along the left factor.",
    "elementwise_back": "Where the function is flat, nothing passes: the unit cannot learn.",
    "arithmetic_back": "What comes from above, times how much the result moves with this number.",
    "row_back": "Every output of the row depends on every input: all ways are added up.",
    "dropout_back": "What was silenced on the way forward gets no gradient.",
    "fan_out": "A number that is used twice is to blame twice: gradients of all ways are added.",
    "shared": "A total passes its gradient on to everything that it counts.",
    "limit": "No single gradient may be larger than the bound.",
    "squares": "The common length of all gradients is wanted next.",
    "shrink": "Too long a step is shortened; its direction stays.",
    "sgd": "A small step against the gradient: downhill.",
    "momentum": "Steps in a lasting direction add up, those that alternate cancel.",
    "adam": "Every weight moves by about the learning rate, however large its gradients are.",
    "rmsprop": "Every step is measured by the size that the gradient has had of late.",
    "afterwards": "What the update was for: the same batch, with the new weights.",
    "": "An instruction that has no formula of its own here: its numbers are shown as they are.",
}
"""By what a step does; see ``Step.expansion``."""

TITLES = {
    "dense": "weighted sums plus bias",
    "matmul": "a product of matrices",
    "each": "how wrong each prediction is",
    "total": "one number for the batch",
    "dense_dx": "back to what the layer read",
    "dense_dw": "the weights' gradient",
    "dense_db": "the biases' gradient",
    "elementwise_back": "back through {}",
    "row_back": "back through {}",
    "dropout_back": "back through {}",
    "loss_back": "the loss's gradient",
    "fan_out": "ways meet, gradients add up",
    "limit": "clipped by value",
    "squares": "the gradients' length",
    "shrink": "clipped by norm",
    "sgd": "the parameters, updated by {}",
    "adam": "the parameters, updated by {}",
    "rmsprop": "the parameters, updated by {}",
}
"""Headings, by what a step does, with the operation's name put in; others are that name."""

PARTS = {
    "problem": "Problem",
    "forward": "Forward",
    "loss": "Loss",
    "seed": "Backward",
    "backward": "Backward",
    "update": "Update",
    "after": "Afterwards",
}
"""What the phases are called; the first gradient is the beginning of the way back."""

HEAD = "The factor that flattens at its ends cancels: what is left is prediction minus target."
"""Why a fused head matters."""

LINKS = {"exp": "exp(x)"}
"""Links that are no activations."""

ARITHMETIC = {
    "add": "a + b",
    "subtract": "a - b",
    "multiply": "a*b",
    "divide": "a/b",
    "negative": "-x",
    "exp": "exp(x)",
    "log": "log(x)",
    "sqrt": "sqrt(x)",
    "abs": "Abs(x)",
    "maximum": "Max(a, b)",
    "minimum": "Min(a, b)",
}
"""Formulas of operations that state none."""
