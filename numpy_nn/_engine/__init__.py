"""How the network is fast; `numpy_nn.textbook` has the same algorithm in plain lines.

A training step is a recorded list of array operations (`program`) on arrays that are made once (`buffers`). `minibatches` copies
the rows in and runs the steps; `forward`, `backward` and `fused_update` record them. `threads`, `gemm` and `blas` make the matrix
products fast; `prediction` and `one_row` compute outputs without training. `tuning` holds every constant that was measured.
"""
