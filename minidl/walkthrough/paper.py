"""What all pages have in common: one HTML file that needs nothing else; and Markdown's signs."""

from __future__ import annotations

from typing import Any


def page(template: str, folder: str = "templates", **content: Any) -> str:
    """A page from a template in one of the folders beside this file."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("minidl.walkthrough", folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**content)


def plain_markdown(text: str) -> str:
    r"""Text in which Markdown sees no signs of its own.

    Examples
    --------
    >>> plain_markdown("binary_crossentropy.each[0] | x*y")
    'binary\\_crossentropy.each\\[0\\] \\| x\\*y'
    """
    return "".join(f"\\{sign}" if sign in "\\`*_[]|<>#~" else sign for sign in text)
