"""The documentation as a site: `python -m website` makes `site/` of the pages in `docs/`.

pages        a page line by line: what is code, what is text
directives   comments in a page that stand for a picture, a page to step through, an exercise
reference    tables of operations and commands
notebooks    a page as a Jupyter notebook
formulas     LaTeX to MathML
docstrings   what mkdocstrings needs to know about this project's docstrings
prompts      examples as a prompt takes them
lab          links from examples to the lab
links        what the built pages lead to and load
build        all of it, in order
"""
