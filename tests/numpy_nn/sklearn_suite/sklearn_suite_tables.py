"""What of scikit-learn's own suite is not asked of our estimators, and what they don't do yet.

A name is a test's, or a test's with its parameters in brackets where it holds for one of them. `NOT_YET` and `CHECKS_NOT_YET` are
strict: a test that begins to pass fails the run until its line is deleted.
"""

EXCEPTIONS = {
    "test_fit": "writes the private buffers `_coef_grads`, `_intercept_velocity`, ... before it trains",
    "test_gradient": "calls `_loss_grad_lbfgs`, an internal of L-BFGS; test_gradients.py differentiates every loss and activation",
    "test_learning_rate_warmstart": "reads the private `_optimizer`; see test_sklearn_public.py",
    "test_adaptive_learning_rate": "reads the private `_optimizer`; see test_sklearn_public.py",
    "test_n_iter_no_change": "reads the private `_no_improvement_count`; see test_sklearn_public.py",
    "test_n_iter_no_change_inf": "reads the private `_no_improvement_count`; see test_sklearn_public.py",
}

_NAMES = "scikit-learn's parameter names: solver, alpha, learning_rate_init, max_iter, tol, shuffle, ..."
_LBFGS = "solver='lbfgs'"
_PARTIAL_FIT = "partial_fit"
_WARM_START = "warm_start"
_STOPPING = "tol and n_iter_no_change; validation_scores_, best_validation_score_, best_loss_, None where they don't apply"
_PROBA = "predict_log_proba"
_STRATIFIED = "rows held out by class, with scikit-learn's errors"

NOT_YET = {
    "test_alpha": f"{_NAMES}; alpha is L2 / 2, divided by the rows of the batch",
    "test_lbfgs_classification": _LBFGS,
    "test_lbfgs_regression": _LBFGS,
    "test_lbfgs_classification_maxfun": f"{_LBFGS}, max_fun, ConvergenceWarning",
    "test_lbfgs_regression_maxfun": f"{_LBFGS}, max_fun, ConvergenceWarning",
    "test_multilabel_classification": f"labels (samples, labels) of 0 and 1; {_LBFGS}; {_PARTIAL_FIT}",
    "test_multioutput_regression": _LBFGS,
    "test_partial_fit_classes_error": _PARTIAL_FIT,
    "test_partial_fit_classification": f"{_PARTIAL_FIT}; an epoch of it is an epoch of fit, the shuffle's stream goes on",
    "test_partial_fit_unseen_classes": _PARTIAL_FIT,
    "test_partial_fit_regression": _PARTIAL_FIT,
    "test_partial_fit_errors": f"{_PARTIAL_FIT}; hidden where the solver is lbfgs",
    "test_nonfinite_params": "ValueError where the weights are no longer finite",
    "test_predict_proba_binary": f"{_NAMES}; activation='logistic'; {_PROBA}",
    "test_predict_proba_multiclass": _PROBA,
    "test_predict_proba_multilabel": f"{_LBFGS}; multilabel; {_PROBA}",
    "test_shuffle": f"{_NAMES}; coefs_",
    "test_sparse_matrices": f"{_LBFGS}; sparse X",
    "test_tolerance": f"{_NAMES}; {_STOPPING}",
    "test_verbose_sgd": "verbose: 'Iteration N, loss = ...'",
    "test_early_stopping": _STOPPING,
    "test_warm_start": f"{_LBFGS}; {_WARM_START}, refused for other classes",
    "test_warm_start_full_iteration": f"{_WARM_START}; max_iter more epochs at each fit",
    "test_early_stopping_stratified": _STRATIFIED,
    "test_mlp_early_stopping_string_labels": f"{_NAMES}; validation_scores_ of any labels",
    "test_mlp_classifier_dtypes_casting": _NAMES,
    "test_mlp_regressor_dtypes_casting": _NAMES,
    "test_mlp_param_dtypes": f"{_NAMES}; coefs_ and intercepts_ of the data's precision",
    "test_mlp_loading_from_joblib_partial_fit": f"{_NAMES}; {_PARTIAL_FIT} of what joblib loaded",
    "test_preserve_feature_names[MLPClassifier]": "y of one class trains (scikit-learn takes it)",
    "test_mlp_warm_start_with_early_stopping": f"{_WARM_START}; validation_scores_ goes on",
    "test_mlp_warm_start_no_convergence": f"{_WARM_START}; ConvergenceWarning at max_iter; n_iter_ counts on",
    "test_mlp_partial_fit_after_fit": f"{_PARTIAL_FIT}; refused with early_stopping",
    "test_mlp_diverging_loss": f"{_NAMES}; NaN in validation_scores_ of a training that diverged",
    "test_mlp_sample_weight_with_early_stopping": f"{_NAMES}; sample_weight",
    "test_mlp_vs_poisson_glm_equivalent": f"{_LBFGS}; MLPRegressor(loss='poisson') after an exponential output",
    "test_minimum_input_sample_size": "early_stopping refuses fewer than two held-out rows: 'The validation set is too small'",
}

CHECKS_NOT_YET = {
    "test_as_many_checks_apply_as_to_the_estimator_of_scikit_learn": "sample_weight (8 checks of each), multilabel (4)",
    "test_training_ends_when_the_loss_has_not_fallen_by_tol_for_n_iter_no_change_epochs": _STOPPING,
    "test_an_infinite_n_iter_no_change_trains_all_epochs": _STOPPING,
    "test_an_adaptive_learning_rate_goes_on_where_a_constant_one_ends": "learning_rate='adaptive'",
    "test_invscaling_divides_by_a_power_of_the_rows_seen": "learning_rate='invscaling', power_t",
}
