"""Removing objects: all of a folder, and all that is known of a picture unless another image shows it.

It knows no dataset.
"""

from __future__ import annotations

from lambdas import state
from lambdas.remove_dataset.ports import Run
from maskmill.core import keys, rows
from maskmill.core.errors import Unavailable
from maskmill.core.ports import Clearable, Table
from maskmill.core.table import Delete, Query, RowConflict


def clear_folder(run: Run, bucket: Clearable, folder: str) -> bool:
    """Remove everything below a folder; False when the time was over before it was done."""
    while bucket.delete_some(folder):
        if run.is_over():
            return False
    return True


def clear_picture(run: Run, tenant: str, pixels: str, *, own: str, drop: Delete | None) -> bool:
    """Remove all that was made of a picture unless somebody else shows it; False when the time was over before.

    References that begin with `own` do not count, and that in `drop` goes. Raises Unavailable while another run has
    the picture.
    """
    table = run.ports.table
    _lock(run, tenant, pixels)
    if drop is not None:
        table.write(drop)
    is_done = _is_shared(table, tenant, pixels, own=own) or (
        _forget(run, tenant, pixels) and clear_folder(run, run.ports.media, keys.picture_folder(tenant, pixels))
    )
    _unlock(run, tenant, pixels)
    return is_done


def _forget(run: Run, tenant: str, pixels: str) -> bool:
    """Remove what is known of a picture, before the objects that rows of it name; False when the time was over."""
    for prefix in rows.FACT_PREFIXES.values():
        for row in state.all_rows(run.ports.table, rows.picture_pk(tenant, pixels), prefix):
            run.ports.table.write(Delete(state.row_key(row)))
            if run.is_over():
                return False
    return True


def _lock(run: Run, tenant: str, pixels: str) -> None:
    table = run.ports.table
    try:
        table.write(rows.lock_picture(tenant, pixels, run=run.name, until_s=run.until_s))
    except RowConflict as conflict:
        if conflict.current is not None and conflict.current["run"] == run.name:
            return  # this run's own write, repeated by the SDK
        try:
            table.write(rows.take_over_lock(tenant, pixels, run=run.name, now_s=run.now_s(), until_s=run.until_s))
        except RowConflict as later:
            raise Unavailable(detail="another run is removing this picture") from later


def _unlock(run: Run, tenant: str, pixels: str) -> None:
    try:
        run.ports.table.write(rows.unlock_picture(tenant, pixels, run=run.name))
    except RowConflict:
        return  # it took so long that another run has taken over


def _is_shared(table: Table, tenant: str, pixels: str, *, own: str) -> bool:
    """Whether an image shows the picture whose reference does not begin with `own`; references come in order."""
    pk = rows.picture_pk(tenant, pixels)
    first = table.query(Query(pk=pk, prefix=rows.REFERENCE_PREFIX, limit=1)).rows
    if not first:
        return False
    if not first[0]["sk"].startswith(own):
        return True
    return bool(table.query(Query(pk=pk, prefix=rows.REFERENCE_PREFIX, after=f"{own}~", limit=1)).rows)
