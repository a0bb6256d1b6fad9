"""The settings of Sphinx: the pages of docs/ and the public Python names, built without network."""

from __future__ import annotations

import segwork

project = "segwork"
version = release = segwork.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 3
napoleon_google_docstring = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "alabaster"
html_theme_options = {
    "description": "Customer segmentation whose claims can be checked",
    "page_width": "1100px",
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_show_sphinx = False
