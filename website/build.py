"""The whole build: pages are prepared in a working folder, Zensical makes HTML of them, and what it made is checked.

The working copy of a page has the same lines as the page, so that every error names the line to change.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from html import escape
from pathlib import Path

from . import lab, links, prompts
from .directives import filled
from .errors import Problem, SiteError
from .formulas import with_formulas
from .links import read
from .notebooks import notebook
from .pages import is_code, summary, title

HERE = Path(__file__).parent
ROOT = HERE.parent
SHIM = "https://unpkg.com/iframe-worker/shim"  # lets the search run from disk
OUTSIDE = ("CHANGELOG.md", "CONTRIBUTING.md")  # pages of the site that stand in the root, and whatever pages link to
LANGUAGES = {".py": "python", ".toml": "toml", ".sh": "sh"}
_CHAPTER = re.compile(r"tour/\d+\w*\.md")  # of which there is a notebook
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")


def build(docs: Path, output: Path, root: Path = ROOT) -> None:
    """Make the site of the pages in a folder.

    Args:
        docs: the folder with the pages, and the order of the pages in `.nav.yml`.
        output: the folder to write. It is replaced, and only by a site without problems; the lab in it stays, and is
            linked from the examples.
        root: of the project. A page may link to any file of it; such a file becomes a page, too.

    Raises:
        SiteError: with all problems that were seen.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder).resolve()
        shutil.copy(HERE / "zensical.toml", work)
        shutil.copytree(HERE / "theme", work / "theme")
        pages = _prepare(docs.resolve(), root.resolve(), work / "docs")
        has_lab = (output / lab.FILE).exists()
        if has_lab:
            with (work / "docs" / ".nav.yml").open("a", encoding="utf-8") as order:
                order.write(f"  - Lab: {lab.FILE}\n")
        wrong = _zensical(work)
        site = work / "site"
        if site.exists():  # also with problems
            _finish(site, pages, has_lab=has_lab)
            places = {(problem.path, problem.line) for problem in wrong}
            traced = [_traced(problem, pages) for problem in links.problems(site)]
            wrong += [problem for problem in traced if (problem.path, problem.line) not in places]
        if wrong:
            raise SiteError(wrong)
        _replace(output, site)


def _replace(output: Path, site: Path) -> None:
    """Put the new site in the place of the old one, and keep the lab, which is built by itself."""
    for old in output.iterdir() if output.exists() else ():
        if old.is_dir() and old.name != "lab":
            shutil.rmtree(old)
        elif not old.is_dir():
            old.unlink()
    shutil.copytree(site, output, dirs_exist_ok=True)


# ---------------------------------------------------------------- before Zensical


def _prepare(docs: Path, root: Path, target: Path) -> dict[str, str]:
    """Write the working copy of all pages, and return the source of each by its path in the site, without suffix."""
    shutil.copytree(docs, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    problems: list[Problem] = []
    pages: dict[str, str] = {}
    pending = sorted(docs.rglob("*.md")) + [root / name for name in OUTSIDE if (root / name).exists()]
    seen = set()
    while pending:
        source = pending.pop(0)
        if source in seen:
            continue
        seen.add(source)
        place = _place(source, docs, root)
        copy = target / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = _text(source)
        name = source.relative_to(root).as_posix() if source.is_relative_to(root) else source.name
        if source.suffix == ".md":
            pages[place.removesuffix(".md")] = text
            text, outside = _relinked(text, source, docs, root)
            pending += outside
            unfilled, text = text, filled(text, name, copy, problems)
            if _CHAPTER.fullmatch(place) and not problems:
                text = _with_notebook(text, unfilled, place, target)
            text = with_formulas(text, name, problems)
        else:
            block = f"````{LANGUAGES.get(source.suffix, 'text')}\n{text}\n````\n"
            text = f"---\nsearch:\n  exclude: true\n---\n\n# {name}\n\n{block}"
            pages[place.removesuffix(".md")] = text
        copy.write_text(text, encoding="utf-8")
    if problems:
        raise SiteError(problems)
    return pages


def _place(source: Path, docs: Path, root: Path) -> str:
    """Where the page of a file stands in the site: that of docs/x.md is x.md, that of any other file is in project/."""
    if source.is_relative_to(docs):
        return source.relative_to(docs).as_posix()
    path = source.relative_to(root).as_posix()
    return f"project/{path}" if source.suffix == ".md" else f"project/{path}.md"


def _relinked(text: str, source: Path, docs: Path, root: Path) -> tuple[str, list[Path]]:
    """The page with its links to files outside of docs/, or from there, as links in the site; and those files."""
    here = posixpath.dirname(_place(source, docs, root))
    outside: list[Path] = []

    def relinked(match: re.Match[str]) -> str:
        path = (source.parent / match[1]).resolve()
        if not path.is_file() or not path.is_relative_to(root):
            return match[0]  # Zensical says that it does not exist
        if not path.is_relative_to(docs):
            outside.append(path)
        return posixpath.relpath(_place(path, docs, root), here or ".")

    lines = text.split("\n")
    kinds = is_code(lines)
    return "\n".join(
        line if code else _LINK.sub(relinked, line) for line, code in zip(lines, kinds, strict=True)
    ), outside


def _with_notebook(text: str, source: str, place: str, target: Path) -> str:
    """Write the notebook of a chapter, and return the page with a link to it in the empty line below its title."""
    name = posixpath.basename(place).replace(".md", ".ipynb")
    path = target / "notebooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(notebook(source, lambda address: _from_notebook(address, place)), encoding="utf-8")
    title, empty, rest = text.split("\n", 2)
    link = (
        f'[Notebook](../notebooks/{name}){{ .notebook download="{name}" title="this chapter as a Jupyter notebook" }}'
    )
    return "\n".join([title, empty or link, rest])


def _from_notebook(address: str, place: str) -> str:
    """The address of a link in a chapter, as it is in the notebook: chapters are notebooks there, too."""
    path, mark, anchor = address.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(place), path))
    if _CHAPTER.fullmatch(target):
        return posixpath.basename(target).replace(".md", ".ipynb")
    return posixpath.relpath(re.sub(r"\.md$", ".html", target), "notebooks") + mark + anchor


# ---------------------------------------------------------------- Zensical


def _zensical(work: Path) -> list[Problem]:
    """Have Zensical build the working copy, strictly, and return what it says is wrong."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return _reported(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)) if done.returncode else []


def _reported(report: str) -> list[Problem]:
    """What Zensical's report says is wrong, or the report as it is where it is of another form.

    Its warnings are `Warning: message`, followed by `[ page.md:line:column ]`, or `Warning: message in page.md`.
    """
    problems = []
    for warning in re.split(r"^Warning: ", report, flags=re.MULTILINE)[1:]:
        message = warning.splitlines()[0]
        if place := re.search(r"─\[ (\S+?):(\d+):\d+ \]", warning):
            quoted = re.search(rf"^ *{place[2]} │ (.*)$", warning, re.MULTILINE)
            problems.append(Problem(f"docs/{place[1]}", int(place[2]), f"{message}: {quoted[1] if quoted else ''}"))
        elif place := re.search(r"^(.*) in (\S+\.md)", warning):
            problems.append(Problem(f"docs/{place[2]}", 0, place[1]))
        else:
            problems.append(Problem("docs", 0, message))
    return problems or [Problem("zensical", 0, report.strip())]


# ---------------------------------------------------------------- after Zensical


def _finish(site: Path, pages: dict[str, str], *, has_lab: bool) -> None:
    """Make the built site independent of any host, and describe its pages to readers that see no pages."""
    for name in ("sitemap.xml", "404.html", "search.json"):  # for servers; search.js has what search.json has
        (site / name).unlink(missing_ok=True)
    for path in site.rglob("*.html"):
        place = path.relative_to(site).with_suffix("").as_posix()
        up = posixpath.relpath(".", posixpath.dirname(place) or ".")
        text = prompts.for_a_prompt(_text(path).replace(SHIM, f"{up}/assets/iframe-worker.js"))
        if has_lab and place in pages:
            text = lab.with_links(text, pages[place], up)
        if place in pages and (described := summary(pages[place])):
            text = re.sub(r'\s*<meta name="description"[^>]*>', "", text, count=1)
            text = text.replace("</title>", f'</title>\n<meta name="description" content="{escape(described)}">', 1)
        path.write_text(text, encoding="utf-8")
    search = site / "search.js"
    search.write_text(_told_apart(_text(search)), encoding="utf-8")
    (site / "llms.txt").write_text(_for_language_models(site, pages), encoding="utf-8")
    whole = "\n\n".join(text.strip() for place, text in pages.items() if _is_text(place))
    (site / "llms-full.txt").write_text(whole + "\n", encoding="utf-8")


def _told_apart(search: str) -> str:
    """The index of the search, in which the title of a section names its page, too, where other pages have such a one.

    >>> _told_apart('var __index = {"items": [{"title": "Run", "level": 2, "location": "a#run", "path": ["A"]}]};')
    'var __index = {"items":[{"title":"Run","level":2,"location":"a#run","path":["A"]}]};'
    """
    start, end = search.index("{"), search.rindex("}") + 1
    index = json.loads(search[start:end])
    sections = [item for item in index["items"] if item["level"] > 1 and item["path"]]
    places = {(item["title"], item["location"].partition("#")[0]) for item in sections}
    alike = Counter(title for title, _ in places)
    for item in sections:
        if alike[item["title"]] > 1:
            item["title"] += f" · {item['path'][-1]}"
    return search[:start] + json.dumps(index, ensure_ascii=False, separators=(",", ":")) + search[end:]


def _for_language_models(site: Path, pages: dict[str, str]) -> str:
    """The list of all pages of text, in the form of llms.txt: one line each, in the order of the navigation."""
    start = pages.get("index", "")
    order = {address: number for number, address in reversed([*enumerate(read(_text(site / "index.html")).leads)])}
    sections: dict[str, list[str]] = {}
    last = len(order)
    texts = {place: text for place, text in pages.items() if _is_text(place)}
    for place in sorted(texts, key=lambda place: (place != "index", order.get(f"./{place}.html", last))):
        folder = place.split("/")[0].capitalize() if "/" in place else "Start" if place == "index" else "More"
        sections.setdefault(folder, []).append(f"- [{title(texts[place])}]({place}.html): {summary(texts[place])}")
    parts = [f"# {title(start)}", f"> {summary(start)}", "[All pages in one file](llms-full.txt)"]
    parts += [f"## {name}\n\n" + "\n".join(lines) for name, lines in sections.items()]
    return "\n\n".join(parts) + "\n"


def _is_text(place: str) -> bool:
    return posixpath.splitext(place)[1] not in LANGUAGES


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _traced(problem: Problem, pages: dict[str, str]) -> Problem:
    """A problem of a built page, at the line of its source that has the address, where there is one."""
    place = problem.path.removesuffix(".html")
    words = re.findall(r"(?:links to|loads) (\S+?),", problem.message)
    for number, line in enumerate(pages.get(place, "").splitlines(), 1):
        if words and words[0].replace(".html", "") in line.replace(".md", ""):
            return Problem(f"docs/{place}.md", number, problem.message)
    return problem
