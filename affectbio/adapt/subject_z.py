"""Per-subject z-score: a person's features by their own mean and deviation over the whole session. Transductive.

It needs every window of the new person before it can judge the first, and assumes that they show all classes about equally
often; Apicella et al. (Eng. Appl. Artif. Intell. 123, 2023) find that it often beats domain adaptation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from affectbio.types import Windows

__all__ = ["SubjectZScore"]


class SubjectZScore:
    """Standardise the features of each person by all of that person's windows.

    Examples
    --------
    >>> SubjectZScore().target_access
    'unlabelled'
    """

    #: What it needs of a new person, one of `affectbio.types.TARGET_ACCESS`.
    target_access = "unlabelled"

    def apply(self, windows: Windows) -> Windows:
        """Standardise.

        Parameters
        ----------
        windows : Windows
            Features.

        Returns
        -------
        Windows
            With ``target_access`` ``"unlabelled"``. A feature that never changes in a person becomes 0.
        """
        subject = windows.groups("subject")
        X = windows.X.copy()
        for name in np.unique(subject):
            mine = subject == name
            deviation = X[mine].std(axis=0)
            X[mine] = (X[mine] - X[mine].mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        return replace(windows, X=X, target_access=self.target_access)
