"""How everything shows itself: blocks of content, and HTML, Markdown and terminal made of them.

``blocks`` is plain data: whoever has something to show builds a ``Page`` of it. ``html``,
``markdown`` and ``terminal`` render any page; ``theme.css`` and ``page.html.j2`` are what all
pages in a browser share. ``columns`` aligns text.
"""

from minidl.document.blocks import Arrays as Arrays
from minidl.document.blocks import Block as Block
from minidl.document.blocks import Bullets as Bullets
from minidl.document.blocks import Code as Code
from minidl.document.blocks import Definitions as Definitions
from minidl.document.blocks import Figure as Figure
from minidl.document.blocks import Figures as Figures
from minidl.document.blocks import Formula as Formula
from minidl.document.blocks import Image as Image
from minidl.document.blocks import Listing as Listing
from minidl.document.blocks import Page as Page
from minidl.document.blocks import Paragraph as Paragraph
from minidl.document.blocks import Section as Section
from minidl.document.blocks import Shade as Shade
from minidl.document.blocks import Span as Span
from minidl.document.blocks import Value as Value
from minidl.document.blocks import file_name as file_name
from minidl.document.blocks import number as number
from minidl.document.columns import aligned as aligned
from minidl.document.columns import ruled as ruled
from minidl.document.html import render as render
from minidl.document.html import to_html as to_html
from minidl.document.markdown import escaped as escaped
from minidl.document.markdown import to_markdown as to_markdown
from minidl.document.terminal import Line as Line
from minidl.document.terminal import put as put
from minidl.document.terminal import to_lines as to_lines
from minidl.document.terminal import to_text as to_text
