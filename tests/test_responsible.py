"""The responsibility matrix: roles from the policy, names from the config, empty shown as empty."""

from __future__ import annotations

import re
from dataclasses import fields

from segwork.checks.gates import catalogue
from segwork.config import Responsible
from segwork.responsible import ROLES, responsibilities


def test_names_come_from_the_config_and_empty_is_shown() -> None:
    """A named role has its name in every place, an unnamed one says empty."""
    matrix = responsibilities({"data_owner": "A. Keeper", "vendor": ""})

    text = matrix.to_csv()
    assert "data owner: A. Keeper" in text
    assert "vendor: empty" in text
    assert "marketing: empty" in text
    assert not matrix.isna().any().any()


def test_every_family_of_gates_has_somebody_who_answers() -> None:
    """No gate stands outside of the matrix, and every role answers or works somewhere."""
    matrix = responsibilities({})
    told = set(re.findall(r"SEG-\w", " ".join(matrix["matter"])))

    assert {code[:5] for code in catalogue()} <= told
    everywhere = " ".join(matrix["answers"] + matrix["does"])
    assert all(role.replace("_", " ") in everywhere for role in ROLES)


def test_roles_of_the_policy_are_the_keys_of_the_config() -> None:
    """A role the config knows is one the matrix knows."""
    assert tuple(field.name for field in fields(Responsible)) == ROLES
