"""The points of a list's map (on their way)."""

from civicloop.web.cases import list_page as points

__all__ = ["points"]
