"""What an audit found: one line per question, answered pass, fail or not checked, with numbers and a remedy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affectbio.errors import DataError, LeakageError
from affectbio.evaluation._atomic import write_text
from affectbio.registry import unknown_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CHECKS", "STATUSES", "AuditReport", "Check", "not_checked"]

#: The three answers. *Not checked* is not *pass*: it says why nothing is known.
STATUSES = ("pass", "fail", "not checked")

#: The questions by name, in the order of a report.
CHECKS = {
    "subject": "are people kept apart, if the protocol says so?",
    "trial": "are trials kept whole?",
    "stimulus": "are stimuli kept apart, if the protocol says so?",
    "overlap": "do training and test share seconds, or stand closer than the embargo?",
    "rows": "is one window, or an exact copy of it, trained on and tested?",
    "near_duplicates": "is a scaled or noisy copy of a test window trained on?",
    "coverage": "is every window accounted for, and is nothing tested that nobody recorded?",
    "fingerprint": "can a trial be recognised, and is that of use?",
    "identity_features": "is a feature the label, the person, the trial, the stimulus or the clock?",
    "normalisation": "do the numbers themselves show statistics of test data?",
    "determinism": "does one seed give one result?",
    "held_out_labels": "do the scores move when the labels of the tested windows are changed?",
    "test_rows": "do the scores of one trial move when other tested trials are changed?",
    "later_rows": "do the scores move when only later windows are changed?",
    "training_features": "does what is fitted on move when the tested windows are changed?",
    "permutation": "does it score above chance on labels exchanged between trials?",
    "noise": "does it score above chance on noise shaped like the data?",
    "stimulus_identity": "does it learn labels that were dealt to stimuli at random?",
    "time": "does it learn labels that were dealt to places in the order at random?",
    "length": "does it learn labels that were dealt to lengths of trials at random?",
    "artefact_channels": "do channels of eyes, muscles and motion alone score as high?",
}


@dataclass(frozen=True, slots=True)
class Check:
    """The answer to one question.

    Attributes
    ----------
    name : str
        Key of `CHECKS`, or ``"confound:COLUMN"``.
    status : str
        One of `STATUSES`.
    finding : str
        What was seen, with numbers; or why nothing was looked at.
    remedy : str
        What to do about a failure; empty if there is none.
    evidence : dict of str to float
        The numbers.
    runs : int
        How often the pipeline was run for it.
    declared : bool
        Whether the protocol says of itself that it leaks this; a declared failure is shown and not raised.
    """

    name: str
    status: str
    finding: str
    remedy: str = ""
    evidence: dict[str, float] = field(default_factory=dict)
    runs: int = 0
    declared: bool = False

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise DataError(str(unknown_name("status", self.status, STATUSES)))


def not_checked(name: str, why: str, runs: int = 0) -> Check:
    """Give the answer of a question that could not be looked into.

    Parameters
    ----------
    name : str
        Key of `CHECKS`.
    why : str
        The reason, and what would be needed.
    runs : int
        How often the pipeline was run before that was clear.

    Returns
    -------
    Check
        With the status ``"not checked"``.
    """
    return Check(name, "not checked", why, runs=runs)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All answers of one audit.

    Attributes
    ----------
    checks : tuple of Check
        In the order of `CHECKS`.
    about : dict
        What was audited: windows, folds, score, level, seed, runs, target access.

    Examples
    --------
    >>> report = AuditReport((Check("trial", "fail", "20 % of test windows", "split by trial"),), {"n_folds": 5})
    >>> report.ok
    False
    >>> AuditReport.from_json(report.to_json()) == report
    True
    """

    checks: tuple[Check, ...]
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def failures(self) -> tuple[Check, ...]:
        """Failures that the protocol does not declare."""
        return tuple(c for c in self.checks if c.status == "fail" and not c.declared)

    @property
    def ok(self) -> bool:
        """Whether nothing failed that is not declared; what was not checked is no failure, and no proof."""
        return not self.failures

    def __getitem__(self, name: str) -> Check:
        found = {c.name: c for c in self.checks}
        if name not in found:
            raise unknown_name("check", name, found)
        return found[name]

    def raise_for_failures(self) -> AuditReport:
        """Refuse a result that leaks.

        Returns
        -------
        AuditReport
            This one, if nothing failed.

        Raises
        ------
        LeakageError
            If a check failed that the protocol does not declare; every one is named with its remedy.
        """
        if self.failures:
            lines = [f"{c.name}: {c.finding}" + (f"; {c.remedy}" if c.remedy else "") for c in self.failures]
            raise LeakageError(
                "the audit found a leak, expected none or one that the protocol declares\n  " + "\n  ".join(lines)
            )
        return self

    def to_frame(self) -> pd.DataFrame:
        """Give one row per check.

        Returns
        -------
        pandas.DataFrame
            ``check, status, declared, finding, remedy, runs``.
        """
        import pandas as pd

        columns = ["check", "status", "declared", "finding", "remedy", "runs"]
        rows = [(c.name, c.status, c.declared, c.finding, c.remedy, c.runs) for c in self.checks]
        return pd.DataFrame(rows, columns=columns)

    def to_json(self) -> str:
        """Write the report as JSON.

        Returns
        -------
        str
            Read again by `from_json`.
        """
        return json.dumps(
            {"about": self.about, "checks": [asdict(c) for c in self.checks]}, indent=2, ensure_ascii=False
        )

    @classmethod
    def from_json(cls, text: str) -> AuditReport:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            JSON.

        Returns
        -------
        AuditReport
            Equal to the one written.

        Raises
        ------
        DataError
            If it is no such JSON.
        """
        try:
            found = json.loads(text)
            return cls(tuple(Check(**check) for check in found["checks"]), dict(found["about"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(f"this is no report of an audit: {error}; expected the JSON that to_json writes") from error

    def save(self, path: Path) -> None:
        """Write the JSON to a file, whole or not at all.

        Parameters
        ----------
        path : Path
            File to make or replace.
        """
        write_text(path, self.to_json() + "\n")

    def __str__(self) -> str:
        width = max([len(c.name) for c in self.checks], default=0)
        return "\n".join(_lines(self.checks, width))


def _lines(checks: Sequence[Check], width: int) -> list[str]:
    lines = []
    for check in checks:
        status = f"{check.status} (declared)" if check.declared and check.status == "fail" else check.status
        lines.append(f"{check.name:<{width}}  {status:<15}  {check.finding}")
        if check.status == "fail" and check.remedy:
            lines.append(f"{'':<{width}}  {'':<15}  → {check.remedy}")
    return lines
