"""Child processes in Python that import the same modules as this one.

They are not started with `python -m NAME`, which looks for every module in the working folder
first, and may import a user's own random.py or tokenizers/. (Python 3.11 has -P to prevent this,
Python 3.10 has nothing.)

    python -c START semscore.udfs.processes.child      calls functions on request: see Child
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar

from semscore.udfs.errors import ChildFailed
from semscore.udfs.processes.said import last_exception

# With -c, sys.path begins with '', which stands for the working folder.
START = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "import runpy; runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)
log = logging.getLogger("semscore")
HERE = Path(__file__).absolute()

Answer = TypeVar("Answer")


def python_command(module: str, *arguments: object) -> list[str]:
    """Return the command that runs a module as a program, whatever the working folder is."""
    return [sys.executable, "-c", START, module, *map(str, arguments)]


def python_path() -> list[str]:
    """Return the absolute paths from which this Python imports, with archives that Spark ships.

    Leaves out the working folder and the folder of a script, unless semscore itself is there.
    """
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    skipped = {os.path.realpath(place) for place in (".", main and Path(main).parent) if place}
    absolute = dict.fromkeys(os.path.abspath(entry) for entry in sys.path if entry)  # noqa: PTH100
    return [
        path for path in absolute if os.path.realpath(path) not in skipped or _has_semscore(path)
    ]


def python_environment() -> dict[str, str]:
    """Return the environment for a Python that imports what this one can."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(python_path())}


def run(module: str, *arguments: object, **variables: str) -> None:
    """Run a module to its end and hide its output. Raises ChildFailed if it fails."""
    finished = subprocess.run(
        python_command(module, *arguments),
        env=python_environment() | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if finished.returncode:
        raise ChildFailed(_end(finished.returncode, finished.stderr.decode(errors="replace")))


class Child:
    """A child process that calls functions on request, one after another, until it is closed.

    Everything that it imports, sets and loads ends with it, so the calling notebook keeps its
    variables and its memory. Unlike multiprocessing, it does not run the user's script again.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            python_command(__name__),
            env=python_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if log.isEnabledFor(logging.DEBUG) else subprocess.DEVNULL,
        )

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        self._process.wait()

    def ask(self, question: Callable[..., Answer], *arguments: Any) -> Answer:
        """Call a function of a module in the child process, and return its result.

        Raises the function's exception, or ChildFailed if the process ends.
        """
        assert self._process.stdin and self._process.stdout
        try:
            pickle.dump((question, arguments), self._process.stdin)
            self._process.stdin.flush()
            answer, error = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError, ConnectionResetError, pickle.UnpicklingError) as lost:
            raise ChildFailed(_end(self._process.wait())) from lost
        if error is not None:
            raise error
        result: Answer = answer
        return result


def ask_once(question: Callable[..., Answer], *arguments: Any) -> Answer:
    """Call a function of a module in a new child process, which then ends. Returns its result."""
    with Child() as child:
        return child.ask(question, *arguments)


def answer(questions: BinaryIO, answers: BinaryIO) -> None:
    """Call the functions that come through a pipe, and return their results, until it closes."""
    while True:
        try:
            question, arguments = pickle.load(questions)
        except EOFError:
            return
        try:
            content = pickle.dumps((question(*arguments), None))
        except Exception as error:
            content = _pickled(error)
        answers.write(content)
        answers.flush()


def _pickled(error: Exception) -> bytes:
    """Pickle an error. If it cannot be unpickled, pickle a RuntimeError with its message instead.

    That happens if its constructor takes arguments of its own.
    """
    with suppress(Exception):
        content = pickle.dumps((None, error))
        pickle.loads(content)
        return content
    return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))


@contextmanager
def _own_output() -> Iterator[BinaryIO]:
    """Keep standard output for answers alone, and discard what libraries print there."""
    with os.fdopen(os.dup(1), "wb") as answers:
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, 1)
        os.close(null_device)
        yield answers


def _has_semscore(entry: str) -> bool:
    """Return whether semscore is imported from this folder or archive."""
    return HERE.is_relative_to(Path(entry, "semscore"))


def _end(code: int, stderr: str = "") -> str:
    """Return how a process ended: its exception, the signal, or the exit code."""
    if code < 0:
        why = "; there may be too little memory" if code == -9 else ""
        return f"its process was ended by signal {-code}{why}"
    return last_exception(stderr) or f"its process ended with exit code {code}"


if __name__ == "__main__":
    with _own_output() as answers:
        answer(sys.stdin.buffer, answers)
