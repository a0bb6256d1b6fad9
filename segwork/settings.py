"""Sections of ``segwork.toml`` that belong to one room each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Export:
    """What ``segwork export`` sends, and what it is called there.

    Parameters
    ----------
    purpose : str
        Only customers whose ``consent_<purpose>`` is true are sent.
    review_days : int
        After so many days a segment in the CRM has to be renewed.
    object : str
        Salesforce object that holds the customers.
    account : str
        Name of the portal or organisation where its address does not tell it from another: what
        the journal remembers is remembered by it.
    fields : mapping
        Column of the export, or ``customer_id`` -> field of the CRM, where it is not the default.
    salesforce_url, hubspot_url : str
        Where the CRM is; credentials never stand here, they come from the environment.
    salesforce_version, hubspot_version : str
        API version: a number, and the date in HubSpot's paths.
    separator, decimal : str
        Marks of the CSV file; the defaults open right where the decimal sign is a comma.
    """

    purpose: str = "marketing"
    review_days: int = 91
    object: str = "Contact"
    account: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    salesforce_url: str = ""
    hubspot_url: str = "https://api.hubapi.com"
    salesforce_version: str = "67.0"
    hubspot_version: str = "2026-09"
    separator: str = ";"
    decimal: str = ","


@dataclass(frozen=True)
class Pilot:
    """A first small project: one region, a group kept out for comparison, a first day.

    Parameters
    ----------
    starts : date
        First day of the pilot; only who was a customer before it takes part.
    region : str
        Empty: every region.
    size : int
        Customers in the pilot, the control group among them.
    control_share : float
        Share of them who are kept out of the CRM.
    name : str
        Of the draw: the same name draws the same customers in every run.
    """

    starts: date
    region: str = ""
    size: int = 10_000
    control_share: float = 0.2
    name: str = "pilot"
