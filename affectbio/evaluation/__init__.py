"""Honest evaluation: protocols that hold people out, controls, intervals over people, and reports of all of it."""

from affectbio.evaluation.controls import p_value, permute_labels
from affectbio.evaluation.manifest import Manifest, hash_arrays, hash_windows, run_manifest
from affectbio.evaluation.metrics import balanced_accuracy, bootstrap_interval
from affectbio.evaluation.patterns import haufe_pattern
from affectbio.evaluation.protocols import PROTOCOLS, LeaveOneSubjectOut, RandomWindowKFold, check_leakage
from affectbio.evaluation.report import Report
from affectbio.evaluation.scoring import evaluate, permutation_control
from affectbio.evaluation.summary import summarise

__all__ = [
    "PROTOCOLS",
    "LeaveOneSubjectOut",
    "Manifest",
    "RandomWindowKFold",
    "Report",
    "balanced_accuracy",
    "bootstrap_interval",
    "check_leakage",
    "evaluate",
    "hash_arrays",
    "hash_windows",
    "haufe_pattern",
    "p_value",
    "permutation_control",
    "permute_labels",
    "run_manifest",
    "summarise",
]
