"""PyTorch, eager, and with its training step compiled.

What its experts do where a step is nearly all overhead: functions instead of modules, no `DataLoader` but views of the rows made
once, `autograd.grad` instead of `.grad` fields, the update by the `torch._foreach` calls that `torch.optim` itself ends in.
Compiled, the whole step (loss, `torch.func.grad_and_value`, update) is one graph. TorchInductor keeps its kernels on disk, so that
a later process compiles in less time than the first. Subnormal numbers are taken as zero, as TensorFlow and XLA do. What was tried
beside this stands in `docs/contestants.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.contestants.base import Array, Contestant, EpochEnd, Task, batches
from bench.contestants.capabilities import activation_of, check_task, hyperparameters
from bench.contestants.updates import make_update


class TorchEager(Contestant):
    """Trains a step at a time."""

    def __init__(self, task: Task) -> None:
        check_task(task, "torch")
        import torch

        torch.set_num_threads(task.threads)
        torch.set_flush_denormal(True)
        self._torch = torch
        self._task = task
        self._activations = [_activation(torch, activation_of(layer)) for layer in task.architecture]
        self._x, self._y = torch.from_numpy(task.x), torch.from_numpy(task.y)
        self._rng = np.random.default_rng(task.seed)
        self._set_first_state()

    def _set_first_state(self) -> None:
        self._weights = [self._torch.tensor(weight, requires_grad=True) for weight in self._task.weights]
        self._slots = [[self._torch.zeros_like(weight) for weight in self._weights] for _ in range(2)]
        self._step_number = 0

    def _logits(self, weights: Sequence[Any], x: Any) -> Any:
        addmm = self._torch.addmm
        *hidden, (kernel, bias) = zip(weights[::2], weights[1::2], strict=True)
        for (hidden_kernel, hidden_bias), activation in zip(hidden, self._activations, strict=False):
            x = activation(addmm(hidden_bias, x, hidden_kernel))
        return addmm(bias, x, kernel)

    def _loss(self, weights: Sequence[Any], x: Any, y: Any) -> tuple[Any, Any]:
        """The mean loss of the rows, and the logits."""
        functional = self._torch.nn.functional
        logits = self._logits(weights, x)
        if self._task.loss == "binary_crossentropy":
            return functional.binary_cross_entropy_with_logits(logits, y), logits
        if self._task.loss == "categorical_crossentropy":
            return functional.cross_entropy(logits, y), logits
        return functional.mse_loss(self._activations[-1](logits), y), logits

    def _step(self, x: Any, y: Any) -> tuple[Any, Any]:
        """One update; the loss and the logits before it."""
        loss, logits = self._loss(self._weights, x, y)
        gradients = self._torch.autograd.grad(loss, self._weights)
        with self._torch.no_grad():
            self._update(gradients)
        return loss.detach(), logits.detach()

    def _update(self, gradients: Sequence[Any]) -> None:
        settings = hyperparameters(self._task)
        if self._task.optimizer["name"] == "adam":
            self._adam(gradients, **settings)
        else:
            self._sgd(gradients, **settings)

    def _sgd(self, gradients: Sequence[Any], *, learning_rate: float, momentum: float, nesterov: bool) -> None:
        torch = self._torch
        change = gradients
        if momentum:
            velocity = self._slots[0]
            torch._foreach_mul_(velocity, momentum)
            torch._foreach_add_(velocity, gradients)
            change = torch._foreach_add(gradients, velocity, alpha=momentum) if nesterov else velocity
        torch._foreach_add_(self._weights, change, alpha=-learning_rate)

    def _adam(self, gradients: Sequence[Any], *, learning_rate: float, beta_1: float, beta_2: float, epsilon: float) -> None:
        torch = self._torch
        mean, square = self._slots
        self._step_number += 1
        rate = learning_rate * math.sqrt(1 - beta_2**self._step_number) / (1 - beta_1**self._step_number)
        torch._foreach_lerp_(mean, gradients, 1 - beta_1)
        torch._foreach_mul_(square, beta_2)
        torch._foreach_addcmul_(square, gradients, gradients, 1 - beta_2)
        spread = torch._foreach_sqrt(square)
        torch._foreach_add_(spread, epsilon)
        torch._foreach_addcdiv_(self._weights, mean, spread, -rate)

    def warm_up(self) -> None:
        minibatches = batches(self._task)
        shapes = {rows.stop - rows.start: rows for rows in (minibatches[0], minibatches[-1])}
        self._train_epoch([(self._x[rows], self._y[rows]) for rows in shapes.values()])
        self._set_first_state()

    def fit(self, on_epoch_end: EpochEnd) -> Mapping[str, Sequence[float]]:
        torch, x, y = self._torch, self._x, self._y
        minibatches = [(x[rows], y[rows]) for rows in batches(self._task)]
        history: dict[str, list[float]] = {"loss": [], "accuracy": []}
        for epoch in range(self._task.epochs):
            if self._task.shuffle:
                order = torch.from_numpy(self._rng.permutation(len(x)))
                x, y = x[order], y[order]
                minibatches = [(x[rows], y[rows]) for rows in batches(self._task)]
            loss, accuracy = self._train_epoch(minibatches)
            history["loss"].append(loss)
            history["accuracy"].append(accuracy)
            on_epoch_end(epoch)
        return history

    def _train_epoch(self, minibatches: Sequence[tuple[Any, Any]]) -> tuple[float, float]:
        """An update for each of `minibatches`; returns their mean loss and accuracy from before the updates."""
        torch = self._torch
        losses, logits = zip(*[self._step(*minibatch) for minibatch in minibatches], strict=True)
        y = torch.cat([targets for _, targets in minibatches])
        rows = torch.tensor([len(targets) for _, targets in minibatches], dtype=y.dtype)
        outputs = self._activations[-1](torch.cat(logits))
        right = (outputs > 0.5) == (y > 0.5) if y.shape[1] == 1 else outputs.argmax(1) == y.argmax(1)
        return float((torch.stack(losses) * rows).sum()) / len(y), int(right.sum()) / len(y)

    def predict(self, x: Array) -> Array:
        with self._torch.inference_mode():
            outputs: Array = self._activations[-1](self._logits(self._weights, self._torch.from_numpy(x))).numpy()
        return outputs

    def get_weights(self) -> Sequence[Array]:
        return [weight.detach().numpy().copy() for weight in self._weights]


class TorchCompiled(TorchEager):
    """The same with the step as one graph of TorchInductor's; prediction stays eager, where a row costs less than a guard."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._torch.compiler.reset()  # it refuses to compile a function for more than eight networks in one process
        self._compiled_step = self._torch.compile(self._pure_step, fullgraph=True, dynamic=False)

    def _set_first_state(self) -> None:
        count, self._pure_update = make_update(self._task, self._torch.sqrt)
        self._weights = [self._torch.tensor(weight) for weight in self._task.weights]
        self._state = [tuple(self._torch.zeros_like(weight) for _ in range(count)) for weight in self._weights]
        self._number = self._torch.zeros((), dtype=self._x.dtype)

    def _pure_step(self, weights: Sequence[Any], slots: Sequence[Any], number: Any, x: Any, y: Any) -> tuple[Any, Any]:
        gradients, (loss, logits) = self._torch.func.grad_and_value(self._loss, has_aux=True)(weights, x, y)
        number += 1
        for weight, own_slots, gradient in zip(weights, slots, gradients, strict=True):
            new_weight, new_slots = self._pure_update(weight, own_slots, gradient, number)
            weight.copy_(new_weight)
            for old, new in zip(own_slots, new_slots, strict=True):
                old.copy_(new)
        return loss, logits

    def _step(self, x: Any, y: Any) -> tuple[Any, Any]:
        with self._torch.no_grad():
            loss, logits = self._compiled_step(self._weights, self._state, self._number, x, y)
        return loss, logits


def _activation(torch: Any, name: str) -> Callable[[Any], Any]:
    functions: dict[str, Callable[[Any], Any]] = {
        "linear": lambda z: z,
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softmax": lambda z: torch.softmax(z, dim=-1),
    }
    return functions[name]
