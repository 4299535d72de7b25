"""Small tables in the shape of `bench.analysis.summary.Analysis`, for tests that need no whole run."""

import numpy as np

COLUMNS = {
    "accuracy": "workload contestant seeds accuracy_mean accuracy_low accuracy_high loss_mean loss_low loss_high "
    "difference_mean difference_low difference_high equivalent",
    "agreement": "workload contestant seed points near disagree largest_difference",
    "parity": "workload contestant reference epochs steps loss accuracy weights predictions",
    "parity_curves": "workload contestant epoch loss accuracy weights",
    "parity_parts": "workload contestant reference case task activations loss optimizer weights_difference loss_difference "
    "tolerance verdict",
    "times": "workload contestant measure median low high trials launches",
    "ratios": "workload contestant reference measure ratio low high pairs launches",
    "targets": "workload contestant target seeds reached median_epoch",
    "reached": "workload contestant target seconds share",
    "curves": "workload contestant seed epoch loss accuracy val_loss val_accuracy",
    "latency": "workload contestant rows compiled_by_hand median_seconds median_low median_high p99_seconds p99_low p99_high "
    "minimum_seconds calls launches call",
    "latency_ratios": "workload contestant rows compiled_by_hand reference measure ratio low high",
    "limits": "workload contestant step_seconds floor_seconds times_floor low high share_of_peak",
    "scaling": "width batch layers threads contestant step_seconds rank ratio_to_best low high left_out",
    "study": "workload contestant seeds failed diverged accuracy_mean accuracy_low accuracy_high stuck stuck_share stuck_low "
    "stuck_high pairs difference_mean difference_low difference_high p_value points disagree q_value differs",
    "study_targets": "workload contestant target seeds reached share low high median_epoch epoch_low epoch_high",
    "turns": "workload contestant launch turn epochs quickest_tenth_seconds canary wait_share other_cpu_share reason",
    "memory": "workload contestant peak_memory_bytes",
    "machines": "machine workload contestant reference measure ratio low high pairs launches",
}


def time_row(contestant, measure, median, workload="moons", low=np.nan, high=np.nan):
    return {"workload": workload, "contestant": contestant, "measure": measure, "median": median, "low": low, "high": high}
