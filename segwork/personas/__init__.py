"""From segments to people: lifecycle, names, personas, the seven steps and what to do first."""

from segwork.personas.actions import actions, consent, plans
from segwork.personas.build import Card, PersonaBook, build
from segwork.personas.cards import page
from segwork.personas.classical import classical, scoreboard
from segwork.personas.lifecycle import lifecycle
from segwork.personas.names import describe, names
from segwork.personas.proof import proof
from segwork.personas.steps import steps

__all__ = ["Card", "PersonaBook", "actions", "build", "classical", "consent", "describe"]
__all__ += ["lifecycle", "names", "page", "plans", "proof", "scoreboard", "steps"]
