"""The oracle of the contestants' tests: a network that is slow and obvious. One sample at a time, a formula a line, in float64."""

import numpy as np

ACTIVATIONS = {
    "linear": lambda z: z,
    "relu": lambda z: z * (z > 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(),
}


def jacobian(name, z):
    """d activation(z) / d z for the logits of one sample, (outputs, outputs)."""
    a = ACTIVATIONS[name](z)
    return {
        "linear": lambda: np.eye(len(z)),
        "relu": lambda: np.diag((z > 0) * 1.0),
        "sigmoid": lambda: np.diag(a * (1 - a)),
        "tanh": lambda: np.diag(1 - a**2),
        "softmax": lambda: np.diag(a) - np.outer(a, a),
    }[name]()


LOSSES = {
    "binary_crossentropy": lambda y, a: -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a)),
    "categorical_crossentropy": lambda y, a: -np.sum(y * np.log(a)),
    "mean_squared_error": lambda y, a: np.mean((y - a) ** 2),
}
LOSS_GRADIENTS = {
    "binary_crossentropy": lambda y, a: ((1 - y) / (1 - a) - y / a) / len(y),
    "categorical_crossentropy": lambda y, a: -y / a,
    "mean_squared_error": lambda y, a: 2 * (a - y) / len(y),
}


def forward(architecture, weights, x):
    """Every layer's input, and its logits, for one sample."""
    inputs, logits = [x], []
    for number, layer in enumerate(architecture):
        logits.append(inputs[-1] @ weights[2 * number] + weights[2 * number + 1])
        inputs.append(ACTIVATIONS[layer["activation"]](logits[-1]))
    return inputs, logits


def predict(architecture, weights, x):
    return np.array([forward(architecture, weights, row)[0][-1] for row in x])


def gradients(architecture, weights, loss, x, y):
    """Of the mean loss of the rows, by every array of weights."""
    totals = [np.zeros_like(weight) for weight in weights]
    for row, target in zip(x, y, strict=True):
        inputs, logits = forward(architecture, weights, row)
        down = LOSS_GRADIENTS[loss](target, inputs[-1])
        for number in reversed(range(len(architecture))):
            delta = down @ jacobian(architecture[number]["activation"], logits[number])
            totals[2 * number] += np.outer(inputs[number], delta) / len(x)
            totals[2 * number + 1] += delta / len(x)
            down = weights[2 * number] @ delta
    return totals


class Descent:
    """SGD with momentum, or Adam, by the formulas in Keras' documentation."""

    def __init__(self, optimizer, weights):
        self.options = dict(optimizer)
        self.name = self.options.pop("name")
        self.first = [np.zeros_like(weight) for weight in weights]
        self.second = [np.zeros_like(weight) for weight in weights]
        self.t = 0

    def step(self, weights, grads):
        self.t += 1
        return [self._one(number, weight, grad) for number, (weight, grad) in enumerate(zip(weights, grads, strict=True))]

    def _one(self, number, w, g):
        rate = self.options["learning_rate"]
        if self.name == "adam":
            b1, b2, epsilon = (self.options[key] for key in ("beta_1", "beta_2", "epsilon"))
            self.first[number] = b1 * self.first[number] + (1 - b1) * g
            self.second[number] = b2 * self.second[number] + (1 - b2) * g**2
            corrected = rate * np.sqrt(1 - b2**self.t) / (1 - b1**self.t)
            return w - corrected * self.first[number] / (np.sqrt(self.second[number]) + epsilon)
        mu = self.options.get("momentum", 0)
        self.first[number] = mu * self.first[number] - rate * g
        return w + (mu * self.first[number] - rate * g if self.options.get("nesterov") else self.first[number])


def train(task):
    """(history, weights) after the task."""
    weights = [np.asarray(weight, np.float64) for weight in task.weights]
    x, y = np.asarray(task.x, np.float64), np.asarray(task.y, np.float64)
    descent = Descent(task.optimizer, weights)
    history = {"loss": [], "accuracy": []}
    size = task.batch_size or len(x)
    for _ in range(task.epochs):
        losses, right = [], []
        for start in range(0, len(x), size):
            rows, targets = x[start : start + size], y[start : start + size]
            outputs = predict(task.architecture, weights, rows)
            losses += [LOSSES[task.loss](target, output) for target, output in zip(targets, outputs, strict=True)]
            if y.shape[1] == 1:
                right += list((outputs > 0.5) == (targets > 0.5))
            else:
                right += list(outputs.argmax(axis=1) == targets.argmax(axis=1))
            weights = descent.step(weights, gradients(task.architecture, weights, task.loss, rows, targets))
        history["loss"].append(np.mean(losses))
        history["accuracy"].append(np.mean(right))
    return history, weights
