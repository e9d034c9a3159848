"""Tables that refer to another one without asking PostgreSQL at every row whether there is such a row.

A foreign key is checked row by row when the transaction ends, some 5 µs each; where hundreds of thousands of rows are
written at once that is more than writing them. So whoever writes such a table asks once for all of its rows
(:func:`hold`), and a trigger on the table referred to takes away what referred to a row that is deleted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db import migrations
from numpy.typing import NDArray


def follow_deletions(table: str, referring: tuple[tuple[str, str], ...]) -> migrations.RunSQL:
    """Migration operation: rows that refer to a row of ``table`` are deleted with it.

    Parameters
    ----------
    table : str
        Has the key ``id``.
    referring : tuple of (table, column)
        What refers to it without a foreign key in the database.
    """
    deletions = "".join(
        f'DELETE FROM "{name}" AS r USING gone WHERE r."{column}" = gone.id; '  # noqa: S608 - names of ours
        for name, column in referring
    )
    return migrations.RunSQL(
        f'CREATE FUNCTION "{table}_gone"() RETURNS trigger LANGUAGE plpgsql AS '
        f"$$ BEGIN {deletions}RETURN NULL; END $$; "
        f'CREATE TRIGGER "{table}_gone" AFTER DELETE ON "{table}" REFERENCING OLD TABLE AS gone '
        f'FOR EACH STATEMENT EXECUTE FUNCTION "{table}_gone"()',
        f'DROP TRIGGER IF EXISTS "{table}_gone" ON "{table}"; DROP FUNCTION IF EXISTS "{table}_gone"()',
    )


def hold(cursor: Any, table: str, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of these rows there are, bool[n] for keys int64[n]; until the transaction ends they cannot be deleted."""
    once, place = np.unique(keys, return_inverse=True)
    if not len(once):
        return np.zeros(0, bool)
    wanted = "{" + ",".join(map(str, once.tolist())) + "}"  # much faster than value by value
    held = f'SELECT id FROM "{table}" WHERE id = ANY(%s::int8[]) FOR KEY SHARE'  # noqa: S608 - a name of ours
    cursor.execute(f"SELECT count(*) FROM ({held}) AS held", [wanted])  # noqa: S608 - the same
    if cursor.fetchone()[0] == len(once):
        return np.ones(len(keys), bool)
    cursor.execute(held, [wanted])
    return np.isin(once, [key for (key,) in cursor.fetchall()])[place]
