"""The base class of callbacks, the history that `fit` returns, and the list that calls them.

Called by `training`. `logs` are the loss and the metrics by name: at the end of a batch the means of the epoch so far, at the end
of an epoch those of the epoch, with validation under "val_". All callbacks are handed the same dict, one after the other, so what
one adds to it the next ones see, and the history keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from numpy_nn.checks import shown

if TYPE_CHECKING:
    from numpy_nn.sequential import Sequential

Logs = dict[str, Any]
HOOKS = (
    *(f"on_{kind}_{end}" for kind in ("train", "test", "predict", "epoch") for end in ("begin", "end")),
    *(f"on_{kind}_batch_{end}" for kind in ("train", "test", "predict") for end in ("begin", "end")),
)
_ALSO = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}
"""Keras' older names of two methods."""


class Callback:
    """Base class, whose methods do nothing; `model` is the `Sequential`, set `model.stop_training` to end the training.

    `params` has "epochs", "steps" (batches of an epoch), "verbose" and "do_validation".
    """

    model: Sequential
    params: dict[str, Any] = {}  # noqa: RUF012  # replaced as a whole by `set_params`

    def set_model(self, model: Sequential) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None: ...

    def on_train_end(self, logs: Logs | None = None) -> None: ...

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None: ...

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None: ...

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...

    def on_test_begin(self, logs: Logs | None = None) -> None: ...

    def on_test_end(self, logs: Logs | None = None) -> None: ...

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...

    def on_predict_begin(self, logs: Logs | None = None) -> None: ...

    def on_predict_end(self, logs: Logs | None = None) -> None: ...

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...


class History(Callback):
    """The history of a training: `history["loss"]` and the other logs, a float an epoch."""

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def __repr__(self) -> str:
        return f"History({len(self.epoch)} epochs of {', '.join(self.history) or 'nothing yet'})"

    def set_model(self, model: Sequential) -> None:
        """Keep no model: it keeps this history, and would otherwise live until the garbage collector finds the two."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """Calls functions at the moments of a training.

    Parameters
    ----------
    **functions
        A function for each method of `Callback` that is to be called, by the method's name: `on_epoch_end=lambda epoch, logs: ...`.

    """

    def __init__(self, **functions: Callable[..., object] | None) -> None:
        for name, function in functions.items():
            if name not in (*HOOKS, *_ALSO.values()):
                raise TypeError(f"LambdaCallback has no {name!r}: there are {', '.join(HOOKS)}")
            if function is not None:
                setattr(self, name, function)


def as_list(callbacks: Callback | Sequence[Callback] | None) -> list[Callback]:
    """The argument `callbacks` of `fit` as a list.

    Raises
    ------
    ValueError
        If it is not a callback or a sequence of them.

    """
    if isinstance(callbacks, Callback):
        return [callbacks]
    if callbacks is not None and (not isinstance(callbacks, Sequence) or isinstance(callbacks, (str, bytes))):
        raise ValueError(f"callbacks was {shown(callbacks)}: it must be a list of numpy_nn.callbacks.Callback")
    for callback in callbacks or []:
        if not isinstance(callback, Callback):
            raise ValueError(f"callbacks had {shown(callback)}: each must be a numpy_nn.callbacks.Callback")
    return list(callbacks or [])


class CallbackList:
    """Several callbacks as one: of each method, only those that override it are called, in their order."""

    def __init__(self, callbacks: Iterable[Callback], model: Sequential, **params: Any) -> None:
        callbacks = list(callbacks)
        for callback in callbacks:
            callback.set_params(params)
            callback.set_model(model)
        self._hooks = {hook: [getattr(callback, hook) for callback in callbacks if _overrides(callback, hook)] for hook in HOOKS}

    def wants(self, *hooks: str) -> bool:
        """Whether there is anything to call at one of these moments."""
        return any(self._hooks[hook] for hook in hooks)

    def call(self, hook: str, *arguments: Any) -> None:
        """Call the method of that name of all callbacks."""
        for method in self._hooks[hook]:
            method(*arguments)


def _overrides(callback: Callback, hook: str) -> bool:
    def replaced(name: str) -> bool:
        method: Callable[..., object] = getattr(callback, name)
        return getattr(method, "__func__", method) is not getattr(Callback, name)

    return replaced(hook) or (hook in _ALSO and replaced(_ALSO[hook]))
