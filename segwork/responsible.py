"""Who answers for which gates and faults: the roles are policy, the names come from the config."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from segwork import packaged

ROLES = ("data_owner", "data_scientist", "vendor", "marketing")
PARTS = ("answers", "does", "told")


def responsibilities(names: Mapping[str, str]) -> pd.DataFrame:
    """Return one row a matter: matter, answers, does, told, each as role and name.

    Parameters
    ----------
    names : mapping of role to name
        As in ``[responsible]`` of the config; a role nobody fills is shown as *empty*.

    Examples
    --------
    >>> responsibilities({"data_owner": "A. Keeper"})["answers"][0]
    'data owner: A. Keeper'
    """
    shown = {role: f"{role.replace('_', ' ')}: {names.get(role) or 'empty'}" for role in ROLES}
    rows = [
        {"matter": matter["what"], **{part: shown[matter[part]] for part in PARTS}}
        for matter in packaged.values("responsible.toml")["matter"]
    ]
    return pd.DataFrame(rows, columns=["matter", *PARTS])
