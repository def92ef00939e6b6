"""Builds the site of docs/ in both languages, to be read from the disk too, and checks every link in it.

    python tools/build_site.py [--serve PORT]

docs/ is Markdown that reads well where the project is kept: page.md, its Korean twin page.ko.md, links to files of the
project. From it one tree per language is put together under build/, with a page for each example, the CHANGELOG and
CONTRIBUTING; Zensical makes HTML of each; what is then linked to and not there fails the build.
"""

from __future__ import annotations

import argparse
import ast
import http.server
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parent.parent
DOCS, BUILD = ROOT / "docs", ROOT / "build"
SITE = BUILD / "site"
FROM_DISK = "assets/javascripts/search-from-disk.js"
LANGUAGES = {"en": "English", "ko": "한국어"}
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?![a-z]+:)([^)#\s]*)(#[^)\s]*)?\)")
OTHER_LANGUAGE = re.compile(r"^(\[(?:한국어|English)\]\([\w./-]+\)\n\n?)", re.MULTILINE)
FENCED = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)
# What a file outside docs/ is on the site.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "examples": "examples/index.md",
    "examples/testing": "examples/testing.md",
}
_EXAMPLES = {"en": "Examples", "ko": "예제"}
UNTRANSLATED = {"ko": '!!! note "이 문서는 아직 영어로만 있습니다."\n\n'}

# The menu: the title of a section in each language, and its pages; a page's title is its first heading.
MENU: tuple[tuple[tuple[str, str], tuple[str, ...]], ...] = (
    (("Begin", "시작하기"), ("index.md", "install.md", "tutorial.md", "using.md", "testing.md", "examples/index.md")),
    (
        ("How to", "사용법"),
        (
            "howto/index.md",
            "howto/table.md",
            "howto/tray-alert.md",
            "howto/orders-and-gaps.md",
            "howto/service.md",
            "howto/dialogs.md",
            "howto/existing-program.md",
            "howto/notebook.md",
            "recording.md",
            "howto/pyinstaller.md",
            "howto/several-programs.md",
            "desk.md",
            "coming-from/pyupbit.md",
            "coming-from/ccxt.md",
            "coming-from/upbit-sdk.md",
        ),
    ),
    (
        ("Explanation", "원리"),
        ("explanation.md", "gaps.md", "health.md", "reliability.md", "promises.md", "comparison.md", "figures.md"),
    ),
    (("The desktop", "데스크톱"), ("desktop.md", "monitor.md")),
    (
        ("Reference", "레퍼런스"),
        (
            "reference/index.md",
            "reference/service.md",
            "reference/subscriptions.md",
            "reference/events.md",
            "reference/settings.md",
            "reference/errors.md",
            "reference/rest-client.md",
            "reference/engine.md",
            "reference/recordings.md",
            "reference/figures-and-health.md",
            "reference/widgets.md",
            "reference/testing.md",
            "reference/commands.md",
            "rest.md",
            "exchange.md",
            "protocol.md",
        ),
    ),
    (("Help", "도움말"), ("troubleshooting.md", "security.md")),
    (
        ("The project", "프로젝트"),
        ("tour.md", "glossary.md", "adr/README.md", "release.md", "contributing.md", "changelog.md"),
    ),
)


def pages_of(language: str) -> dict[str, str]:
    """Return every page of the site in one language, by its address."""
    pages = {}
    for path in sorted(DOCS.rglob("*.md")):
        if path.name.endswith(".ko.md"):
            continue
        twin = path.with_name(f"{path.stem}.{language}.md")
        text = (twin if twin.exists() else path).read_text("utf-8")
        if language != "en" and not twin.exists():
            heading, _, rest = text.partition("\n")
            text = f"{heading}\n\n{UNTRANSLATED[language]}{rest}"
        # In a checkout the panels lie in the folder widgets, and are read from there.
        text = text.replace("::: upbit_ws_qt.widgets.", "::: widgets.")
        # Two functions bear the names of their modules, which are what a reader of the source finds first.
        for name in ("run", "attach"):
            text = re.sub(rf"^::: upbit_ws_qt\.{name}$", f"::: upbit_ws_qt.qt.{name}.{name}", text, flags=re.MULTILINE)
        pages[path.relative_to(DOCS).as_posix()] = text
    pages["changelog.md"] = (ROOT / "CHANGELOG.md").read_text("utf-8")
    pages["contributing.md"] = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    return pages | _examples(language)


def _examples(language: str) -> dict[str, str]:
    pages, rows = {}, []
    for path in sorted(ROOT.glob("examples/*.py")):
        summary, _, rest = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")
        rows.append(f"| [{path.stem}]({path.stem}.md) | {summary} |")
        about = f"```text\n{rest.strip()}\n```\n\n" if rest.strip() else ""
        start = f"Start it with `python -m upbit_ws_qt.examples {path.stem}`."
        pages[f"examples/{path.stem}.md"] = f"# {path.stem}\n\n{summary}\n\n{about}{start}\n\n{_code(path)}"
    table = "\n".join(
        ["| program | what it shows |", "|---|---|", *rows, "| [tests](testing.md) | tests of some of them |"]
    )
    pages["examples/index.md"] = (
        f"# {_EXAMPLES[language]}\n\n`python -m upbit_ws_qt.examples` shows and starts them.\n\n{table}\n"
    )
    tests = [f"## {path.name}\n\n{_code(path)}" for path in sorted(ROOT.glob("examples/testing/*.py"))]
    pages["examples/testing.md"] = "\n\n".join(["# Tests of examples", "Offline: `pytest examples/testing`.", *tests])
    return pages


def _code(path: Path) -> str:
    return f"```python\n{path.read_text('utf-8')}```"


def led(text: str, address: str, pages: set[str]) -> str:
    """Return a page with its links leading to pages of the site; what has none becomes its name."""
    # CHANGELOG and CONTRIBUTING lie at the top of the project, and so their links begin there.
    folder = (
        "" if address in (PAGES["CHANGELOG.md"], PAGES["CONTRIBUTING.md"]) else f"docs/{posixpath.dirname(address)}"
    )
    if address.startswith("examples/"):
        folder = f"docs/{posixpath.dirname(address)}"

    def lead(match: re.Match[str]) -> str:
        label, target, anchor = match.group(1), match.group(2), match.group(3) or ""
        if not target or label.startswith("!["):
            return match.group(0)
        there = posixpath.normpath(posixpath.join(folder, target)).replace(".ko.md", ".md")
        found = PAGES.get(there)
        if found is None and there.startswith("docs/"):
            found = there.removeprefix("docs/")
        elif found is None and there.startswith("examples/"):
            stem = there.removesuffix(".py")
            found = f"{stem}.md" if f"{stem}.md" in pages else PAGES["examples/testing"]
        if found is None:
            return label if label.startswith("`") else f"`{label}`"
        if found == "adr":
            found = "adr/README.md"
        return f"[{label}]({posixpath.relpath(found, posixpath.dirname(address) or '.')}{anchor})"

    parts = FENCED.split(OTHER_LANGUAGE.sub("", text, count=1))
    return "".join(part if part.startswith("```") else _code_in_tables(LINK.sub(lead, part)) for part in parts)


def _code_in_tables(text: str) -> str:
    """Take the backslash off a bar in code, which GitHub wants in a table and Python's Markdown shows."""
    return re.sub(r"`[^`\n]+`", lambda code: code.group().replace(r"\|", "|"), text)


def settings_of(language: str) -> str:
    """Return Zensical's settings; the file has the form of MkDocs'."""
    index = list(LANGUAGES).index(language)
    menu = "\n".join(
        f"  - {titles[index]}:\n" + "\n".join(f"      - {page}" for page in pages) for titles, pages in MENU
    )
    up = "../" if language != "en" else ""
    others = "\n".join(
        f"    - {{name: {name}, link: {up}{'' if code == 'en' else f'{code}/'}index.html, lang: {code}}}"
        for code, name in LANGUAGES.items()
    )
    return f"""site_name: upbit_ws_qt
site_description: Live Upbit data inside PyQt6
docs_dir: docs
site_dir: site
use_directory_urls: false
theme:
  name: material
  language: {language}
  font: false
  features: [navigation.tabs, navigation.top, navigation.footer, content.code.copy, search.highlight, toc.follow]
  palette:
    - {{media: "(prefers-color-scheme: light)", scheme: default, toggle: {{icon: lucide/sun, name: Dark}}}}
    - {{media: "(prefers-color-scheme: dark)", scheme: slate, toggle: {{icon: lucide/moon, name: Light}}}}
extra:
  generator: false
  alternate:
{others}
extra_css: [site.css]
markdown_extensions:
  - admonition
  - attr_list
  - md_in_html
  - tables
  - toc: {{permalink: true}}
  - pymdownx.highlight: {{anchor_linenums: false}}
  - pymdownx.inlinehilite
  - pymdownx.superfences
plugins:
  - search
  - offline
  - mkdocstrings:
      handlers:
        python:
          paths: ["{ROOT}"]
          options:
            docstring_style: google
            extensions: ["{ROOT}/tools/site_docstrings.py"]
            show_source: false
            show_root_heading: true
            show_root_full_path: false
            heading_level: 2
            members_order: source
            merge_init_into_class: true
            show_signature_annotations: true
            separate_signature: true
            signature_crossrefs: false
nav:
{menu}
"""


def assemble(language: str) -> Path:
    """Put together what one language's site is made of; return its folder."""
    folder = BUILD / f"site-{language}"
    shutil.rmtree(folder, ignore_errors=True)
    pages = pages_of(language)
    for address, text in pages.items():
        path = folder / "docs" / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(led(text, address, set(pages)), "utf-8")
    for path in DOCS.rglob("*"):
        if path.is_file() and path.suffix != ".md":
            target = folder / "docs" / path.relative_to(DOCS)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    (folder / "mkdocs.yml").write_text(settings_of(language), "utf-8")
    return folder


def build(language: str) -> None:
    """Make the HTML of one language."""
    folder = assemble(language)
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=folder, env=dict(os.environ, NO_COLOR="1"), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    target = SITE if language == "en" else SITE / language
    shutil.copytree(folder / "site", target, dirs_exist_ok=True)
    for worker in target.glob("assets/javascripts/workers/search.*.js"):
        (target / FROM_DISK).write_text(searched_from_disk(worker.read_text("utf-8")), "utf-8")
    for path in target.rglob("*.html"):
        where = posixpath.relpath((target / FROM_DISK).as_posix(), path.parent.as_posix())
        path.write_text(by_itself(path.read_text("utf-8"), where), "utf-8")


def searched_from_disk(worker: str) -> str:
    """Return a script that lets a page search that was opened from the disk.

    A browser starts no worker from a file; from a text it does.
    """
    return (
        'if (location.protocol === "file:") {\n'
        f"  const text = {json.dumps(worker)};\n"
        "  const Started = window.Worker;\n"
        '  const there = URL.createObjectURL(new Blob([text], {type: "text/javascript"}));\n'
        "  window.Worker = function () { return new Started(there); };\n"
        "}\n"
    )


def by_itself(page: str, script: str) -> str:
    """Return a page that fetches nothing from elsewhere, and searches by a script of ours where it lies on the disk."""
    page = re.sub(r'<script src="https://unpkg[^>]*></script>', "", page)
    return re.sub(r'(?=<script src="[^"]*bundle\.)', f'<script src="{script}"></script>', page, count=1)


@dataclass
class _Links(HTMLParser):
    """What a page of HTML links to and has anchors for."""

    targets: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link or an anchor."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.targets.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken_links(site: Path) -> list[str]:
    """Return every link within the site that leads nowhere, with the page it is on."""
    found = {}
    for path in site.rglob("*.html"):
        found[path] = links = _Links()
        links.feed(path.read_text("utf-8"))
    broken = []
    for path, links in found.items():
        if path.name == "404.html":  # its links begin at the top of the server
            continue
        for target in links.targets:
            if re.match(r"[a-z]+:|//", target):
                continue
            address, _, anchor = target.partition("#")
            there = (path.parent / unquote(address)).resolve() if address else path
            wanted = unquote(anchor)
            if not there.exists() or (
                wanted and there in found and wanted not in found[there].anchors and not wanted.startswith("__")
            ):
                broken.append(f"{path.relative_to(site)}: {target}")
    return broken


def write_contents(site: Path) -> None:
    """Write llms.txt: every page with its address, for programs that answer questions."""
    lines = ["# upbit_ws_qt", "", "> Live Upbit data inside PyQt6", ""]
    for language in LANGUAGES:
        top = "" if language == "en" else f"{language}/"
        lines.append(f"## {LANGUAGES[language]}\n")
        for address, text in sorted(pages_of(language).items()):
            title = re.search(r"^# (.+)$", text, re.MULTILINE)
            if title is not None:
                lines.append(f"- [{title.group(1)}]({top}{address.removesuffix('.md')}.html)")
        lines.append("")
    (site / "llms.txt").write_text("\n".join(lines), "utf-8")


def main() -> int:
    """Build, check, and serve if asked to."""
    parser = argparse.ArgumentParser(description="Builds the site of docs/ into build/site.")
    parser.add_argument("--serve", type=int, metavar="PORT", help="then show it on this port of this computer")
    options = parser.parse_args()
    shutil.rmtree(SITE, ignore_errors=True)
    for language in LANGUAGES:
        build(language)
    write_contents(SITE)
    broken = broken_links(SITE)
    for line in broken:
        print(f"leads nowhere: {line}", file=sys.stderr)
    print(f"{sum(1 for _ in SITE.rglob('*.html'))} pages: {SITE / 'index.html'}")
    if options.serve and not broken:
        handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(SITE))
        http.server.ThreadingHTTPServer(("127.0.0.1", options.serve), handler).serve_forever()
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
