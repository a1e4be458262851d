from .errors import AffectbioError as AffectbioError
from .types import Affect as Affect
from .types import Channel as Channel
from .types import Recording as Recording
from .types import Signal as Signal
from .types import Windows as Windows

__version__: str
