"""The executors' side of semscore: text pairs in, similarity scores out. Does not import jobs/."""

_PUBLIC = ("Engine", "Recipe", "calibrate", "register")  # earlier versions exported them here


def __getattr__(name: str) -> object:
    if name in _PUBLIC:
        raise ImportError(f"semscore.udfs has no {name}; did you mean: from semscore import {name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
