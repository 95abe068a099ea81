"""How a walkthrough shows itself: in a terminal, in Markdown, as a page with a stepper."""

from minidl.walkthrough.rendering.markdown import markdown_page as markdown_page
from minidl.walkthrough.rendering.stepper import framed as framed
from minidl.walkthrough.rendering.stepper import page as page
from minidl.walkthrough.rendering.tables import whole_table as whole_table
from minidl.walkthrough.rendering.text import plain_text as plain_text
from minidl.walkthrough.rendering.text import text_lines as text_lines
