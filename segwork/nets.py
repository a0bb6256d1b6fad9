"""TensorFlow as every room of the package takes it: the answer depends on no order of calls."""

from __future__ import annotations

import os
from types import ModuleType


def tensorflow() -> ModuleType:
    """Import TensorFlow quiet, on the CPU, and with operations that repeat exactly.

    oneDNN sums in another order than plain kernels do, and is switched before the first import or
    not at all: who loads TensorFlow in another way lets the first room decide for all.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    return tf
