"""Watches every connection of every check, and judges what must hold on all of them."""

from vivavoce.conformance.monitor.ledger import Ledger
from vivavoce.conformance.monitor.rule import RULES, Finding, Rule
from vivavoce.conformance.monitor.watch import Monitor

__all__ = ["RULES", "Finding", "Ledger", "Monitor", "Rule"]
