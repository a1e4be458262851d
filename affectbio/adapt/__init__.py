"""Adaptation to a new person, one method a file; each says what it needs of that person."""

from affectbio.adapt.rest import RestBaseline, RestBaselineStream
from affectbio.adapt.subject_z import SubjectZScore
from affectbio.registry import Registry

__all__ = ["ADAPTATIONS", "RestBaseline", "RestBaselineStream", "SubjectZScore"]

#: Adaptation methods by the name a recipe gives them.
ADAPTATIONS = Registry(
    "adaptation",
    {"rest-baseline": "affectbio.adapt.rest:RestBaseline", "subject-z": "affectbio.adapt.subject_z:SubjectZScore"},
    "affectbio.adapt",
)
