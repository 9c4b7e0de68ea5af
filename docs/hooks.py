"""Files outside docs/ on the site: README is the home page, and whatever a page links to comes along.

Links are written for the repository, relative to the file that holds them. On the site `docs/` is the root and every
other path is as in the repository, so that only a link that leaves or enters `docs/` needs another text. A link to a
folder leads to no page and fails the strict build, like any other broken link.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
HOME = 'README.md'
BEGINNINGS = (HOME, 'CONTRIBUTING.md', 'CHANGELOG.md')
# Code comes first, so that a link inside of it is left alone.
LINK = re.compile(r'^(?P<fence>```+).*?^(?P=fence)|`[^`\n]+`|(?<=\]\()(?P<target>[^()\s#:]+)(?=[)#])', re.M | re.S)


def place_on_site(path: str) -> str:
    """Turn a path in the repository into one on the site."""
    return 'index.md' if path == HOME else path.removeprefix('docs/')


def place_in_repository(uri: str) -> str:
    """Turn a path on the site into one in the repository."""
    if uri == 'index.md':
        return HOME
    return f'docs/{uri}' if (ROOT / 'docs' / uri).is_file() else uri


def linked_files(path: str) -> list[str]:
    """List the files of the repository that a page links to."""
    text = (ROOT / path).read_text(encoding='utf-8')
    targets = [link['target'] for link in LINK.finditer(text) if link['target']]
    paths = [posixpath.normpath(posixpath.join(posixpath.dirname(path), target)) for target in targets]
    return [linked for linked in paths if not linked.startswith('..') and (ROOT / linked).is_file()]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Enter the decision records, named by their numbers, into the last section of the navigation."""
    assert config.nav is not None
    config.nav[-1]['Decisions'] += sorted(f'adr/{path.name}' for path in (ROOT / 'docs/adr').glob('[0-9]*.md'))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the home page and, from page to page, all files outside docs/ that are linked to."""
    waiting = [*BEGINNINGS, *(f'docs/{file.src_uri}' for file in files.documentation_pages())]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        if files.get_file_from_path(place_on_site(path)) is None:
            files.append(File.generated(config, place_on_site(path), abs_src_path=str(ROOT / path)))
        new = [linked for linked in linked_files(path) if linked not in seen] if path.endswith('.md') else []
        seen.update(new)
        waiting += new
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point the links of a page at the places on the site."""
    here = page.file.src_uri
    folder = posixpath.dirname(place_in_repository(here))

    def relocate(link: re.Match[str]) -> str:
        if not link['target']:
            return link[0]
        path = posixpath.normpath(posixpath.join(folder, link['target']))
        return posixpath.relpath(place_on_site(path), posixpath.dirname(here) or '.')

    return LINK.sub(relocate, markdown)
