"""Other Pythons that do a piece of work: they import what this one can, and nothing that lies
about.

Not `python -m NAME`: that looks for every module in the working folder first, where a user's own
random.py or tokenizers/ may lie. (Python 3.11 has -P against that, Python 3.10 has nothing.)

    python -c START semscore.udfs.processes.child      answers questions: see Child
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

# With -c, '' stands for the working folder, at the beginning.
START = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "import runpy; runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)
log = logging.getLogger("semscore")
HERE = Path(__file__).absolute()

Answer = TypeVar("Answer")


def python_command(module: str, *arguments: object) -> list[str]:
    """The command that runs a module as a program, wherever the working folder is."""
    return [sys.executable, "-c", START, module, *map(str, arguments)]


def python_path() -> list[str]:
    """What this Python imports from, archives that Spark ships included, as absolute paths.

    Without the working folder and the folder of a script, unless semscore itself is there.
    """
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    about = {os.path.realpath(place) for place in (".", main and Path(main).parent) if place}
    absolute = dict.fromkeys(os.path.abspath(entry) for entry in sys.path if entry)  # noqa: PTH100
    return [one for one in absolute if os.path.realpath(one) not in about or _has_us(one)]


def python_environment() -> dict[str, str]:
    """For a Python that imports what this one can."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(python_path())}


def run(module: str, *arguments: object, **variables: str) -> None:
    """Run a module to its end, in silence; ChildFailed if that is not a good one."""
    ran = subprocess.run(
        python_command(module, *arguments),
        env=python_environment() | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if ran.returncode:
        raise ChildFailed(_end(ran.returncode, ran.stderr.decode(errors="replace")))


class Child:
    """A Python that answers questions, one after another, until it is closed.

    What it imports, sets and loads is gone with it: a notebook that asks keeps its variables and
    its memory. Unlike multiprocessing, it does not run the user's script a second time.
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

    def ask(self, question: Callable[..., Answer], *given: Any) -> Answer:
        """Call a function of a module there; raises what it raises, and ChildFailed."""
        assert self._process.stdin and self._process.stdout
        try:
            pickle.dump((question, given), self._process.stdin)
            self._process.stdin.flush()
            answer, error = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError, ConnectionResetError, pickle.UnpicklingError) as lost:
            raise ChildFailed(_end(self._process.wait())) from lost
        if error is not None:
            raise error
        found: Answer = answer
        return found


def ask_once(question: Callable[..., Answer], *given: Any) -> Answer:
    """Call a function of a module in a Python of its own, which ends then."""
    with Child() as child:
        return child.ask(question, *given)


def answer(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer questions until the pipe that they come through is closed."""
    while True:
        try:
            question, given = pickle.load(questions)
        except EOFError:
            return
        try:
            content = pickle.dumps((question(*given), None))
        except Exception as error:
            content = _pickled(error)
        answers.write(content)
        answers.flush()


def _pickled(error: Exception) -> bytes:
    """The error, or its sentence where it does not travel: some have arguments of their own."""
    with suppress(Exception):
        content = pickle.dumps((None, error))
        pickle.loads(content)
        return content
    return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))


@contextmanager
def _own_output() -> Iterator[BinaryIO]:
    """Standard output for answers alone; what libraries print there is dropped."""
    with os.fdopen(os.dup(1), "wb") as answers:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        yield answers


def _has_us(entry: str) -> bool:
    """Whether semscore is imported from here: a folder, or an archive, that somebody unpacked."""
    return HERE.is_relative_to(Path(entry, "semscore"))


def _end(code: int, stderr: str = "") -> str:
    """How a process ended: its exception, the signal, or the exit code."""
    said = last_exception(stderr)
    if code < 0:
        why = "; is there enough memory?" if code == -9 else ""
        return f"its process was ended by signal {-code}{why}"
    return said or f"its process ended with exit code {code}"


if __name__ == "__main__":
    with _own_output() as given_back:
        answer(sys.stdin.buffer, given_back)
