"""The built-in language model that is none: rules on what was said, and functions whose words were said."""

from vivavoce.engines.pattern.model import PatternModel

__all__ = ["PatternModel"]
