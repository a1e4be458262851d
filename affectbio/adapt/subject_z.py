"""Per-subject z-score: a person's features by their own mean and deviation over the whole session. Transductive.

It needs every window of the new person before it can judge the first, and assumes that they show all classes about
equally often; Apicella et al. (Eng. Appl. Artif. Intell. 123, 2023) find that it often beats domain adaptation.
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

    #: What it needs of a new person, one of ``affectbio.types.TARGET_ACCESS``.
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
            With ``target_access`` ``"unlabelled"``. A feature that never changes in a person becomes 0; what is not
            known (NaN) stays so, and counts in no mean.
        """
        people, person = np.unique(windows.groups("subject"), return_inverse=True)
        X = windows.X.copy()
        for p in range(len(people)):
            own = X[person == p]
            known = np.isfinite(own)
            # Asked of the range: the deviation of 0.1, 0.1 and 0.1 is not quite 0.
            moves = np.max(own, axis=0, initial=-np.inf, where=known) > np.min(own, axis=0, initial=np.inf, where=known)
            n = np.maximum(known.sum(axis=0), 1)
            mean = np.sum(own, axis=0, where=known) / n
            centred = np.where(moves, own - mean, 0.0)
            deviation = np.sqrt(np.sum(centred**2, axis=0, where=known) / n)
            X[person == p] = np.where(known, centred / np.where(moves, deviation, 1.0), np.nan)
        return replace(windows, X=X, target_access=self.target_access)
