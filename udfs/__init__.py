"""The executors' side of semscore: text pairs in, similarity scores out.

Importing this starts no thread and loads neither torch nor a model.
"""

from semscore.udfs.backends.openvino.calibration import calibrate
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.similarity import register, similarity
from semscore.udfs.version import __version__

__all__ = ["Engine", "Recipe", "__version__", "calibrate", "register", "similarity"]
