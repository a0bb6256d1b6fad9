"""Worlds with planted truth, to audit the audits."""
