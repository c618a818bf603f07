"""Undo what a run has started if it is refused afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import UNITS
from semscore.jobs.ledger.lease import HOME as LEASES
from semscore.jobs.ledger.lease import Lease
from semscore.jobs.ledger.seals import HOME as SEALS
from semscore.jobs.ledger.seals import seals
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Folder


@contextmanager
def unless_refused(output: Folder, lease: Lease) -> Iterator[None]:
    """Remove what a run has started, as the holder of the lease, if a UserError ends the block.

    Nothing is removed from a dataset that another run started, or that has the record of a unit.
    """
    try:
        yield
    except UserError:
        record = ledger.read_run(output)
        if (record is None or record["run"] == lease.run) and not output.entries(UNITS):
            _withdraw(output, lease)
        raise


def _withdraw(output: Folder, lease: Lease) -> None:
    ledger.clear_remains(output, lease, ())
    apart = tuple(f"{folder}/" for folder in (LEASES, SEALS, ledger.STAGING, UNITS))
    listed = (entry.path for entry in output.entries(ledger.HOME))
    ledger.put_away(
        output, lease, lease.run, [path for path in listed if not path.startswith(apart)]
    )
    output.delete_folder(f"{ledger.STAGING}/{lease.run}")
    if lease.number == 1:  # otherwise others were here, and numbers must not be used twice
        output.delete(lease.while_held(seals(output)))
        lease.leave_no_trace()
