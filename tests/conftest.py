"""Settings of all tests: TensorFlow keeps quiet and off the GPU, and Hypothesis draws the same examples every time."""

import os

from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=50, print_blob=True)
settings.load_profile("repeatable")
