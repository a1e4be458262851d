from .acquire import open_stream as open_stream
from .devices import load_device as load_device
from .errors import AffectbioError as AffectbioError
from .evaluation import LeaveOneSubjectOut as LeaveOneSubjectOut
from .evaluation import evaluate as evaluate
from .features import DifferentialEntropy as DifferentialEntropy
from .kernels import differential_entropy as differential_entropy
from .models import create_model as create_model
from .pipelines import load_pipeline as load_pipeline
from .pipelines import run_pipeline as run_pipeline
from .types import Affect as Affect
from .types import Channel as Channel
from .types import Recording as Recording
from .types import Signal as Signal
from .types import Windows as Windows
from .xdf import read_xdf as read_xdf

__version__: str
