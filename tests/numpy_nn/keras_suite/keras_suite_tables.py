"""What of Keras' own suite is asked of us, what isn't and why, and what we don't do yet.

A pattern stands for tests of a file, "Class.test". Exceptions come first, and of each table the first pattern that fits. `NOT_YET`
is strict: a test that begins to pass fails the run until its line is deleted.
"""

ASKED = (
    "activations/activations_test.py",
    "callbacks/csv_logger_test.py",
    "callbacks/early_stopping_test.py",
    "callbacks/learning_rate_scheduler_test.py",
    "callbacks/model_checkpoint_test.py",
    "callbacks/reduce_lr_on_plateau_test.py",
    "callbacks/terminate_on_nan_test.py",
    "initializers/constant_initializers_test.py",
    "initializers/random_initializers_test.py",
    "losses/losses_test.py",
    "metrics/accuracy_metrics_test.py",
    "metrics/regression_metrics_test.py",
    "optimizers/adagrad_test.py",
    "optimizers/adam_test.py",
    "optimizers/adamw_test.py",
    "optimizers/optimizer_test.py",
    "optimizers/rmsprop_test.py",
    "optimizers/schedules/learning_rate_schedule_test.py",
    "optimizers/sgd_test.py",
    "regularizers/regularizers_test.py",
)

_NOT_LISTED = "not among the parts that small networks are made of"

LEFT_OUT = {
    "callbacks/backup_and_restore_test.py": _NOT_LISTED,
    "callbacks/callback_test.py": "a model with a `call` of its own",
    "callbacks/lambda_callback_test.py": _NOT_LISTED,
    "callbacks/monitor_callback_test.py": "Keras' private base class",
    "callbacks/orbax_checkpoint_test.py": _NOT_LISTED,
    "callbacks/remote_monitor_test.py": _NOT_LISTED,
    "callbacks/swap_ema_weights_test.py": _NOT_LISTED,
    "callbacks/tensorboard_test.py": _NOT_LISTED,
    "initializers/initializer_test.py": "Keras' base class and its serialization",
    "losses/loss_test.py": "Keras' base class: masks, ranks, reductions",
    "metrics/confusion_metrics_test.py": _NOT_LISTED,
    "metrics/correlation_metrics_test.py": _NOT_LISTED,
    "metrics/f_score_metrics_test.py": _NOT_LISTED,
    "metrics/hinge_metrics_test.py": _NOT_LISTED,
    "metrics/iou_metrics_test.py": _NOT_LISTED,
    "metrics/metric_test.py": "Keras' base class: variables, dtype policies",
    "metrics/probabilistic_metrics_test.py": _NOT_LISTED,
    "metrics/reduction_metrics_test.py": _NOT_LISTED,
    "optimizers/adadelta_test.py": _NOT_LISTED,
    "optimizers/adafactor_test.py": _NOT_LISTED,
    "optimizers/adamax_test.py": _NOT_LISTED,
    "optimizers/ftrl_test.py": _NOT_LISTED,
    "optimizers/lamb_test.py": _NOT_LISTED,
    "optimizers/lion_test.py": _NOT_LISTED,
    "optimizers/loss_scale_optimizer_test.py": _NOT_LISTED,
    "optimizers/multi_optimizer_test.py": _NOT_LISTED,
    "optimizers/muon_test.py": _NOT_LISTED,
    "optimizers/nadam_test.py": _NOT_LISTED,
    "optimizers/optimizer_sparse_test.py": "sparse gradients of embeddings",
    "optimizers/schedule_free_adamw_test.py": _NOT_LISTED,
}

_AXIS = "the axis: outputs are the last one"
_BFLOAT16 = "bfloat16: the precisions are float32 and float64"
_OWN_ERROR = "Keras' wording of an error; ours are held in our own tests"
_RANKS = "more than two dimensions: samples are rows"
_REDUCTION = "the reduction: a loss is the mean over the rows"
_SERIALIZED = "Keras' names, dtypes and serialization of a single object; a model is saved whole"
_PRIVATE = "Keras' variables"
_EMA = "the moving average of the weights: not listed"
_INFINITE_TARGETS = "targets that are not finite are refused before anything is trained"
_LOGGING = "Keras' logging; what is printed is held in our own tests"

_OTHER_ACTIVATIONS = (
    "LinearDecay",
    "SqrtDecay",
    "InverseTimeDecay",
    "CosineDecayRestarts",
)

EXCEPTIONS: dict[str, dict[str, str]] = {
    "activations/activations_test.py": {
        "*.test_softmax_2d_axis_0": _AXIS,
        "*.test_softmax_3d_axis_tuple": _AXIS,
        "*.test_softmax_higher_dim*": _AXIS,
        "*.test_softmax_negative_axis": _AXIS,
        "*.test_log_softmax*": _NOT_LISTED,
        "*.test_temporal_log_softmax": _NOT_LISTED,
        "*.test_relu_*": "relu with arguments; leaky_relu has the slope",
        **{
            f"*.test_{name}": _NOT_LISTED
            for name in (
                "sparse_sigmoid",
                "log_sigmoid",
                "hard_silu",
                "relu6",
                "celu",
                "glu",
                "tanh_shrink",
                "hard_tanh",
                "hard_shrink",
                "threshold",
                "squareplus",
                "soft_shrink",
                "sparse_plus",
                "sparsemax",
            )
        },
    },
    "callbacks/early_stopping_test.py": {
        "*.test_early_stopping": "reads `monitor_op`, with hinge and F1 as metrics; test_keras_callbacks.py has the modes",
    },
    "callbacks/learning_rate_scheduler_test.py": {
        "*.test_verbose_logging": _LOGGING,
        "*.test_throws_when_optimizer_has_schedule": "a polynomial schedule: not listed; test_keras_callbacks.py has another",
    },
    "callbacks/model_checkpoint_test.py": {
        "*.test_model_checkpoint_options": "one test of all, with warnings where ours are errors, and AUC; "
        "test_keras_checkpoints.py has its cases",
    },
    "callbacks/reduce_lr_on_plateau_test.py": {
        "*.test_reduces_lr_with_model_fit": "Keras' learning rate is a float32; test_keras_callbacks.py has the rates",
        "*.test_verbose_logging": _LOGGING,
        "*.test_throws_when_optimizer_has_schedule": "a polynomial schedule: not listed; test_keras_callbacks.py has another",
    },
    "callbacks/terminate_on_nan_test.py": {
        "*.test_terminate_on_nan_graceful_stop": _INFINITE_TARGETS,
        "*.test_terminate_on_nan_raise_error_raises_error": _INFINITE_TARGETS,
        "*.test_raise_error_terminate_*": _INFINITE_TARGETS,
    },
    "initializers/constant_initializers_test.py": {
        "*.test_constant_*": _NOT_LISTED,
        "*.test_identity_initializer": _NOT_LISTED,
        "*.test_stft_initializer": _NOT_LISTED,
    },
    "initializers/random_initializers_test.py": {
        "*.test_random_normal": "Keras' SeedGenerator; test_keras_initializers.py has the statistics",
        "*.test_variance_scaling*": _NOT_LISTED,
        "*.test_orthogonal": _NOT_LISTED,
        "*.test_get_method*": "None and arrays as initializers",
        "*.test_serialization_with_seed_generator": _SERIALIZED,
        "*.test_compute_fans_with_axes": _AXIS,
        "*.test_mha_query_projection_variance": _NOT_LISTED,
    },
    "losses/losses_test.py": {
        "*.test_config": _SERIALIZED,
        "*.test_dtype_arg": _BFLOAT16,
        "*.test_no_reduction": _REDUCTION,
        "*.test_sum_reduction": _REDUCTION,
        "*.test_mean_with_sample_weight_reduction": _REDUCTION,
        "*.test_base_function_reduction": _REDUCTION,
        "*.test_timestep_weighted": _RANKS,
        "*_segmentation*": _RANKS,
        "*.test_shape_mismatch": _OWN_ERROR,
        "SparseCategoricalCrossentropyTest.test_ignore_class": _RANKS,
        "SparseCategoricalCrossentropyTest.test_squeezes_singleton_class_dim_on_user_axis": _AXIS,
        **{
            f"{name}Test.*": _NOT_LISTED
            for name in (
                "MeanAbsolutePercentageError",
                "MeanSquaredLogarithmicError",
                "Hinge",
                "SquaredHinge",
                "CategoricalHinge",
                "CosineSimilarity",
                "LogCosh",
                "KLDivergence",
                "Poisson",
                "BinaryFocalCrossentropy",
                "CategoricalFocalCrossentropy",
                "CTC",
                "Dice",
                "Tversky",
                "Circle",
                "CategoricalGeneralizedCrossEntropy",
            )
        },
    },
    "metrics/accuracy_metrics_test.py": {
        "*.test_config*": _SERIALIZED,
        "*.test_weighted_nd_*": "a weight for each output: a weight is a row's",
        "*.test_reshape_matches": _RANKS,
        "AccuracyTest.*": "counts equal numbers, which outputs never are; 'accuracy' is the metric that fits the loss",
        "*TopKCategoricalAccuracyTest.*": _NOT_LISTED,
    },
    "metrics/regression_metrics_test.py": {
        "*.test_config": _SERIALIZED,
        **{
            f"{name}Test.*": _NOT_LISTED
            for name in (
                "CosineSimilarity",
                "MeanAbsolutePercentageError",
                "MeanSquaredLogarithmicError",
                "RootMeanSquaredError",
                "LogCoshError",
                "R2Score",
            )
        },
    },
    "optimizers/adagrad_test.py": {"*.test_weight_decay": _PRIVATE},
    "optimizers/adam_test.py": {
        "*.test_weight_decay": _PRIVATE,
        "*.test_ema*": _EMA,
        "*.test_clipnorm_indexed_slices": "an embedding: not listed",
    },
    "optimizers/adamw_test.py": {"*.test_weight_decay": _PRIVATE, "*.test_weight_decay_is_none": _OWN_ERROR},
    "optimizers/optimizer_test.py": {
        "*.test_empty_gradients": _PRIVATE,
        "*.test_ema*": _EMA,
        "*.test_constraints_are_applied": "constraints: not listed",
        "*.test_get_method": "None as an optimiser",
        "*.test_static_loss_scaling": "scaled losses: not listed",
        "*.test_set_weights": _PRIVATE,
        "*.test_gradient_accumulation*": "accumulated gradients: not listed",
        "*.test_tf_checkpointing": "TensorFlow's checkpoints",
        "*.test_callable_learning_rate": "a callable without the step; a schedule has it",
        "*.test_overwrite_with_gradient*": _PRIVATE,
        "*.test_setting_lr_to_callable_untracks_lr_var": _PRIVATE,
        "*.test_pickleable_optimizers": "optimisers that are not listed among them",
        "*.test_mixed_with_tf_variables": _PRIVATE,
        "*.test_optimizer_auto_naming": "Keras' names of objects",
    },
    "optimizers/rmsprop_test.py": {"*.test_weight_decay": _PRIVATE},
    "optimizers/schedules/learning_rate_schedule_test.py": {
        "*.test_config": _SERIALIZED,
        "TestFitLRSchedulesFlow.*": f"{_PRIVATE}; test_keras_training.py trains with schedules",
        **{f"{name}Test.*": _NOT_LISTED for name in _OTHER_ACTIVATIONS},
    },
    "optimizers/sgd_test.py": {
        "*.test_single_step": f"{_PRIVATE}; the same step is among test_keras_training.py's",
        "*.test_weight_decay": _PRIVATE,
        "*.test_invalid_momentum": _OWN_ERROR,
    },
    "regularizers/regularizers_test.py": {
        "*.test_config": _SERIALIZED,
        "*.test_l1l2_get_config": _SERIALIZED,
        "*.test_orthogonal_*": _NOT_LISTED,
        "*.test_get_method": f"orthogonal regularisation: {_NOT_LISTED}",
        "ValidateFloatArgTest.*": _OWN_ERROR,
    },
}

NOT_YET: dict[str, dict[str, str]] = {}
