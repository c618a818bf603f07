"""The exceptions in the text of Python's tracebacks."""

from __future__ import annotations

import pytest

from semscore.udfs.processes.said import Raised, exceptions, first_sentence, last_exception

FRAMES = 'Traceback (most recent call last):\n  File "/x/a.py", line 1, in f\n    f(x)\n    ^^^^\n'
CHAIN = (
    FRAMES + "KeyError: 'x'\n\nThe above exception was the direct cause of the following "
    "exception:\n\n" + FRAMES
)
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/x/a.py", line 1, in f
  |     raise ExceptionGroup("several", [ValueError("first bad")])
  | ExceptionGroup: several (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: first bad
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/x/a.py", line 2, in g
    | OSError: second bad
    +------------------------------------
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FRAMES + "ValueError: 1 is not 2\n", "ValueError: 1 is not 2"),
        (FRAMES + "AssertionError\n", "AssertionError"),
        (FRAMES + "KeyError: 'x'", "KeyError: 'x'"),
        (FRAMES + "torch.cuda.OutOfMemoryError: CUDA out of memory.\nMore.", "OutOfMemoryError: "),
        (FRAMES + "semscore.udfs.errors.ModelError: x is not a model", "x is not a model"),
        (
            FRAMES + "RuntimeError: Error(s) in loading Bert:\n\tsize of a\n\tof b",
            "Bert: size of a",
        ),
        (FRAMES + "ValueError: \n\n  two\n", "ValueError: two"),
        (FRAMES + "ValueError: None\n", "ValueError"),
        (CHAIN + "RuntimeError: while loading\n", "RuntimeError: while loading"),
        (CHAIN + "RuntimeError\n", "KeyError: 'x'"),  # the last says nothing
        (GROUP, "OSError: second bad"),
        ("org.X: " + FRAMES + "ValueError: y\n\n\tat org.A.b(A.scala:1)\n", "ValueError: y"),
        ('  File "a", line 1\n    x =\n', ""),
        ("", ""),
    ],
)
def test_the_last_exception_that_says_something(text: str, said: str) -> None:
    found = last_exception(text)
    assert said in found
    assert bool(said) == bool(found)
    assert "\n" not in found
    assert not found.endswith(":")


def test_all_exceptions_come_in_their_order() -> None:
    assert exceptions(CHAIN + "a.B: c\n") == [Raised("KeyError", "'x'"), Raised("a.B", "c")]
    assert [one.kind for one in exceptions(GROUP)] == ["ExceptionGroup", "ValueError", "OSError"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("\n\n[PARSE] Wrong at 'x'.\n\n== SQL ==\n", "[PARSE] Wrong at 'x'."),
        ("You may get another result:\nreading old dates", "result: reading old dates"),
        ("cannot be resolved;\n'Filter (x)", "cannot be resolved"),
        ("expected:\n", "expected"),
        ("", ""),
    ],
)
def test_a_sentence_is_not_cut_in_half(text: str, sentence: str) -> None:
    assert sentence in first_sentence(text.splitlines())
    assert first_sentence(text.splitlines()).endswith(sentence[-1:])
