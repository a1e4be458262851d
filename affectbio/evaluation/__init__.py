"""Honest evaluation: protocols that hold people out, controls, intervals over people, and reports of all of it."""

from affectbio.evaluation.audit_report import AuditReport, Check
from affectbio.evaluation.auditing import audit, audit_folds, audit_pipeline
from affectbio.evaluation.black_box import Outcome, pipeline_run
from affectbio.evaluation.calibration import Calibrated
from affectbio.evaluation.comparison import (
    adjusted_chance,
    compare,
    holm,
    sign_flip_test,
    two_level_interval,
    worst_decile,
)
from affectbio.evaluation.controls import p_value, permute_labels
from affectbio.evaluation.labels import Label
from affectbio.evaluation.leaky import ContiguousTrialKFold, RandomWindowKFold
from affectbio.evaluation.learning import FewerPeople, learning_curve
from affectbio.evaluation.manifest import Manifest, hash_arrays, hash_windows, run_manifest
from affectbio.evaluation.metrics import (
    SCORERS,
    balanced_accuracy,
    bootstrap_interval,
    cohen_kappa,
    concordance,
    macro_f1,
    pearson,
    rmse,
)
from affectbio.evaluation.patterns import haufe_pattern
from affectbio.evaluation.probabilities import auc, brier, expected_calibration_error, log_loss
from affectbio.evaluation.protocols import PROTOCOLS, check_leakage
from affectbio.evaluation.report import Report
from affectbio.evaluation.scoring import evaluate, permutation_control, predictions, score_predictions
from affectbio.evaluation.selection import Nested
from affectbio.evaluation.splitters import (
    CrossDataset,
    KFoldBySubject,
    KFoldByTrial,
    LeaveOneSessionOut,
    LeaveOneSubjectOut,
    LeaveSubjectAndStimulusOut,
)
from affectbio.evaluation.summary import summarise

__all__ = [
    "PROTOCOLS",
    "SCORERS",
    "AuditReport",
    "Calibrated",
    "Check",
    "ContiguousTrialKFold",
    "CrossDataset",
    "FewerPeople",
    "KFoldBySubject",
    "KFoldByTrial",
    "Label",
    "LeaveOneSessionOut",
    "LeaveOneSubjectOut",
    "LeaveSubjectAndStimulusOut",
    "Manifest",
    "Nested",
    "Outcome",
    "RandomWindowKFold",
    "Report",
    "adjusted_chance",
    "auc",
    "audit",
    "audit_folds",
    "audit_pipeline",
    "balanced_accuracy",
    "bootstrap_interval",
    "brier",
    "check_leakage",
    "cohen_kappa",
    "compare",
    "concordance",
    "evaluate",
    "expected_calibration_error",
    "hash_arrays",
    "hash_windows",
    "haufe_pattern",
    "holm",
    "learning_curve",
    "log_loss",
    "macro_f1",
    "p_value",
    "pearson",
    "permutation_control",
    "permute_labels",
    "pipeline_run",
    "predictions",
    "rmse",
    "run_manifest",
    "score_predictions",
    "sign_flip_test",
    "summarise",
    "two_level_interval",
    "worst_decile",
]
