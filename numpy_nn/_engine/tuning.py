"""Every constant that was measured on some CPU, in one frozen dataclass.

The defaults are the measured values. `this_machine` adapts them to what the machine says of itself: the name of the BLAS' core
family and the size of the second-level cache. `docs/tuning.md` has the measurements; `python docs/measure_tuning.py FIELD` repeats
them for one constant on the machine at hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from os import PathLike

from numpy_nn._engine import blas

SMALL_KERNEL_CORES = ("SkylakeX", "Cooperlake", "SapphireRapids")
"""OpenBLAS' names of its AVX-512 kernels, for AMD's CPUs too: only these have kernels for small products."""
MEASURED_L2_BYTES = 1 << 20
"""The smallest second-level cache of a core that the byte sizes below were measured on."""


@dataclass(frozen=True)
class Tuning:
    """The constants, in the order of the modules that use them; sizes are in numbers unless the name has a unit."""

    # --- gemm: the products ----------------------------------------------------------------------------------------------------

    small_product: int = 1_000_000
    """Multiplications up to which OpenBLAS uses a kernel that packs nothing; larger products are tiled. 0: no tiles at all."""
    small_nt_result: int = 1_200
    """Size of a result up to which OpenBLAS has such a kernel for an NT product (left operand as stored, right one transposed)."""
    largest_dot_result_bytes: int = 48 * 1024
    """Size of a result from which `np.matmul` is faster than `a.dot`, which fills its result with zeros first."""
    tile_columns: int = 64
    """Columns of a tile."""
    narrow_tile_columns: int = 16
    """Columns of a tile where one of `tile_columns` would have too few rows."""
    fewest_tile_rows: int = 12
    """Rows below which a tile becomes a narrow one."""
    fewest_nt_tile_rows: int = 16
    """The same for an NT product."""
    most_tile_rows: int = 64
    """Rows of a tile at most."""
    tile_row_multiple: int = 6
    """Rows that the kernel computes at once."""
    largest_tiled_right: int = 250_000
    """Size of a right operand beyond which packing pays, and the product stays whole."""
    short_sum: int = 100
    """Length of a sum up to which a product with a larger right operand is tiled all the same."""
    largest_transposed_left: float = 1.5e14
    """Squared bytes of a transposed left operand, times the columns of the right one, beyond which the product stays whole."""
    largest_nt_operand_bytes: int = 1_100_000
    """The smaller operand of an NT product must fit in the cache for its tiles to pay."""
    fewest_nt_sum: int = 256
    """Length of a sum from which tiles of an NT product are faster than an NN product with a transposed copy."""
    fewest_transposed_rows: int = 4
    """Rows of a chunk from which a transposed copy of a layer's delta pays."""
    most_transposed_rows: int = 32
    """Rows up to which the copy pays for products that are not small."""
    transposed_inputs_share: int = 4
    """A layer's outputs may be this many times its inputs: with fewer inputs the copy costs more than the product."""

    # --- backward, fused_update: gradients and derivatives ---------------------------------------------------------------------

    largest_stored_gradient_bytes: int = 1 << 20
    """Size of all weights beyond which updates are fused with the gradients, and no gradient is stored."""
    gradient_tile_bytes: int = 1 << 18
    """Size of the part of a kernel's gradient that a fused update computes at once."""
    threaded_gradient_tile_bytes: int = 1 << 20
    """The same with several threads, where each operation waits for Python's lock."""
    most_tiled_gradient_rows: int = 32
    """Rows of a chunk up to which a kernel's gradient is tiled at all."""
    largest_stored_derivatives_bytes: int = 1 << 19
    """Size of the hidden outputs beyond which the derivatives are computed tile by tile instead of all at once."""
    derivative_tile_bytes: int = 1 << 17
    """Size of such a tile."""

    # --- minibatches: loading rows ---------------------------------------------------------------------------------------------

    most_loaded_minibatches: int = 256
    """Minibatches that are copied into the buffers at once."""
    loaded_bytes: int = 4 << 20
    """Their size at most."""
    most_scored_bytes: int = 64 << 20
    """Size of an epoch's outputs up to which they are kept, to be scored at once."""

    # --- threads: chunks and their threads -------------------------------------------------------------------------------------

    fewest_thread_rows: int = 128
    """Rows of a minibatch that a thread is woken for."""
    training_thread_flops: float = 1e8
    """Operations of a step that a thread is woken for (about a millisecond)."""
    kernel_thread_products: float = 5e6
    """Rows times weights of one kernel that a thread is woken for."""
    weight_load_rows: int = 8
    """Rows whose products take as long as a weight's way from memory and back."""
    vector_rows: int = 16
    """Numbers in the widest vector register: chunks and tiles are whole multiples."""
    hidden_chunk_bytes: int = 400_000
    """Size of a chunk's hidden outputs, which share the second-level cache with their derivatives and deltas."""
    smallest_chunk_rows: int = 128
    """Rows of a chunk at least."""
    largest_parallel_chunk_rows: int = 1024
    """Rows of a chunk at most, where threads run chunks of a network of fewer than `many_weights` side by side."""
    many_weights: int = 100_000
    """Weights from which an operation takes long enough for Python's lock not to matter."""

    # --- prediction ------------------------------------------------------------------------------------------------------------

    prediction_chunk_bytes: int = 1 << 19
    """Size of the activations of a chunk of rows."""
    smallest_prediction_chunk_rows: int = 256
    """Rows of a chunk at least."""
    largest_prediction_chunk_rows: int = 4096
    """Rows of a chunk at most."""
    prediction_thread_flops: float = 2e7
    """Operations of a prediction that a thread is woken for."""
    most_prediction_programs: int = 4
    """Recorded programs that are kept for each thread."""

    # --- stacked: many networks at once ------------------------------------------------------------------------------------------

    stacked_bytes: int = 1 << 21
    """Size of what a step of the networks that are computed at once reads and writes."""

    # --- activations, optimizers -----------------------------------------------------------------------------------------------

    largest_relu_zeros: int = 1 << 16
    """Size of the array of zeros that relu compares with; larger arrays are compared in parts."""
    largest_sign: int = 512
    """Size up to which `np.sign`, which isn't vectorized, is faster than a comparison and a copy."""
    flush_tile: int = 1 << 16
    """Size of the part of an optimizer's state that is flushed at once, in the cache."""


CACHE_SIZES = (
    "largest_nt_operand_bytes",
    "largest_stored_gradient_bytes",
    "gradient_tile_bytes",
    "threaded_gradient_tile_bytes",
    "largest_stored_derivatives_bytes",
    "derivative_tile_bytes",
    "hidden_chunk_bytes",
    "prediction_chunk_bytes",
    "stacked_bytes",
)
"""Fields that are a share of the second-level cache."""


@cache
def this_machine() -> Tuning:
    """The constants for this machine; computed on the first call."""
    return adapt(Tuning(), core=blas.core_name(), l2_bytes=l2_cache_bytes())


def adapt(measured: Tuning, *, core: str | None, l2_bytes: int | None) -> Tuning:
    """The measured constants, adapted to a machine.

    Parameters
    ----------
    core
        OpenBLAS' name of its kernels. Other kernels, or another BLAS (None): products are not tiled.
    l2_bytes
        Size of a core's second-level cache. A cache smaller than any that was measured shrinks the `CACHE_SIZES` in proportion;
        with a larger or an unknown one (None) they stay.

    """
    changes: dict[str, int] = {} if core in SMALL_KERNEL_CORES else {"small_product": 0}
    if l2_bytes is not None and l2_bytes < MEASURED_L2_BYTES:
        changes |= {name: getattr(measured, name) * l2_bytes // MEASURED_L2_BYTES for name in CACHE_SIZES}
    return replace(measured, **changes)


def l2_cache_bytes(folder: str | PathLike[str] = "/sys/devices/system/cpu/cpu0/cache") -> int | None:
    """The size of a core's second-level cache as Linux gives it; None where it can't be read."""
    from pathlib import Path  # not at import, which it would make slower

    try:
        for index in Path(folder).glob("index*"):
            if (index / "level").read_text().strip() == "2":
                text = (index / "size").read_text().strip()
                return int(text.rstrip("KM")) * {"K": 1 << 10, "M": 1 << 20}.get(text[-1:], 1)
    except (OSError, ValueError):
        pass
    return None
