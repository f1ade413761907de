"""Whether the service connects as the two roles that it should: each owns columns that the other cannot write."""

from pipeline_service.store.pool import Pool, Pools, translated

_RIGHTS = """
SELECT current_user::text AS role, has_column_privilege('nodes', 'status', 'UPDATE') AS keeps_state,
    has_column_privilege('nodes', 'config', 'UPDATE') AS edits_structure
"""


class WrongRole(RuntimeError):
    """A pool connects as a role that may write what it should not, or may not write what it should."""


async def check_roles(pools: Pools) -> None:
    """Refuse roles that are swapped, or the owner of the tables, who may do everything. Raises WrongRole."""
    await _check(pools.engine, keeps_state=True)
    await _check(pools.edit, keeps_state=False)


async def _check(pool: Pool, *, keeps_state: bool) -> None:
    with translated():
        found = await pool.fetchrow(_RIGHTS)
    if found is None or (found["keeps_state"], found["edits_structure"]) != (keeps_state, not keeps_state):
        variable = "PIPELINE_DATABASE_URL" if keeps_state else "PIPELINE_EDIT_DATABASE_URL"
        owns, leaves = ("state", "structure") if keeps_state else ("structure", "state")
        raise WrongRole(
            f"{variable}: expected a role that may write the {owns} of nodes and not their {leaves};"
            f" found {dict(found) if found else 'nothing'}"
        )
