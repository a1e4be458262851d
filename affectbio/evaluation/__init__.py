"""Honest evaluation: protocols that hold people out, controls, intervals over people, and reports that show all of it."""

from affectbio.evaluation.controls import p_value, permute_labels
from affectbio.evaluation.scoring import evaluate, permutation_control
from affectbio.evaluation.metrics import balanced_accuracy, bootstrap_interval
from affectbio.evaluation.protocols import PROTOCOLS, LeaveOneSubjectOut, RandomWindowKFold, check_leakage
from affectbio.evaluation.summary import summarise

__all__ = [
    "PROTOCOLS",
    "LeaveOneSubjectOut",
    "RandomWindowKFold",
    "balanced_accuracy",
    "bootstrap_interval",
    "check_leakage",
    "evaluate",
    "p_value",
    "permutation_control",
    "permute_labels",
    "summarise",
]
