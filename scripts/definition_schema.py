"""Make migrations_app/domain/definition/schema.txt from libvirt's own RELAX NG schemas, oldest version first:

    python -m scripts.definition_schema 9.0=/usr/share/libvirt/schemas 11.3=/tmp/11.3/usr/share/libvirt/schemas

A line is: the version that brought the path, the path, and what may stand there, separated by tabs: `=word` a word of
a fixed list, `#type` a data type, `~pattern` a text of that form, `*` any text. What a later version allows there has
that version before it: `11.3=word`. A path without the last part is an element that holds only others.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hosts.facts import xml
from hosts.facts.xml import Node, plain_name
from migrations_app.domain.definition.schema import schema

SCHEMA = Path(__file__).resolve().parents[1] / "migrations_app" / "domain" / "definition" / "schema.txt"
RNG = "{http://relaxng.org/ns/structure/1.0}"
#: these hold what anybody writes there
FREE = ("metadata",)
#: an element in itself, as images build on images: the second level stands for all (see Node.leaves)
DEEPEST = 2
ROOT = "."


class Paths(dict[str, set[str]]):
    """What a folder of schemas allows in a domain: path -> what may stand there."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._defines: dict[str, list[Node]] = {}
        self._read(folder, "domain.rng")
        for start in self._defines["start"]:
            self._walk(start, (), ())

    def _read(self, folder: Path, name: str) -> None:
        for node in xml.parse((folder / name).read_text(), root=f"{RNG}grammar").children():
            match _tag(node):
                case "include":
                    self._read(folder, node.get("href"))
                case "start":
                    self._defines.setdefault("start", []).append(node)
                case "define":
                    self._defines.setdefault(node.get("name"), []).append(node)
                case other:
                    raise SystemExit(f"{name}: <{other}> is not understood")

    def _walk(self, node: Node, at: tuple[str, ...], through: tuple[str, ...]) -> None:
        match _tag(node):
            case "ref":
                name = node.get("name")
                if through.count(name) < DEEPEST:
                    for define in self._defines[name]:
                        self._walk(define, at, (*through, name))
            case "element" | "attribute" as kind:
                for name in _names(node):
                    self._enter(node, _below(at, name, kind), through)
            case "value":
                self["/".join(at)].add(f"={node.text()}")
            case "text":
                self["/".join(at)].add("*")
            case "data":
                self["/".join(at)].add(_data(node))
            case _:
                self._walk_children(node, at, through)

    def _enter(self, node: Node, path: tuple[str, ...], through: tuple[str, ...]) -> None:
        allowed = self.setdefault("/".join(path), set())
        if path[-1] not in FREE:
            self._walk_children(node, path, through)
        if path[-1].startswith("@") and not allowed:
            allowed.add("*")

    def _walk_children(self, node: Node, at: tuple[str, ...], through: tuple[str, ...]) -> None:
        for child in node.children():
            if _tag(child) not in ("name", "anyName", "nsName", "param"):
                self._walk(child, at, through)


def _tag(node: Node) -> str:
    return node.tag.replace(RNG, "")


def _names(node: Node) -> list[str]:
    if node.get("name"):
        return [plain_name(f"{{{node.get('ns')}}}{node.get('name')}")]
    first = next(node.children())
    match _tag(first):
        case "name":
            return [first.text()]
        case "choice":
            return [name.text() for name in first.children()]
        case "anyName" | "nsName":
            return ["*"]
        case other:
            raise SystemExit(f"the name class <{other}> is not understood")


def _below(at: tuple[str, ...], name: str, kind: str) -> tuple[str, ...]:
    """The domain itself has no name in paths; an element in one of the same name is that one."""
    if not at and kind == "element" and name == "domain":
        return (ROOT,)
    inside = () if at == (ROOT,) else at
    if kind == "attribute":
        return (*inside, f"@{name}")
    return inside if inside and inside[-1] == name else (*inside, name)


def _data(node: Node) -> str:
    patterns = [param.text() for param in node.children() if _tag(param) == "param" and param.get("name") == "pattern"]
    return f"~{patterns[0]}" if patterns else f"#{node.get('type')}"


def lines(schemas: list[tuple[str, Path]]) -> list[str]:
    since: dict[str, str] = {}
    allowed: dict[str, dict[str, str]] = {}
    for version, folder in schemas:
        for path, what in Paths(folder).items():
            since.setdefault(path, version)
            for form in what:
                allowed.setdefault(path, {}).setdefault(form, version if version != since[path] else "")
    return ["\t".join((since[path], path, *_written(allowed.get(path, {})))) for path in sorted(since)]


def _written(forms: dict[str, str]) -> list[str]:
    return [f"{forms[form]}{form}" for form in sorted(forms)]


def unlisted(folder: Path) -> list[str]:
    """What the schemas in `folder` allow and schema.txt does not have."""
    return [
        f"{path} {form}".strip()
        for path, forms in sorted(Paths(folder).items())
        for form in (sorted(forms) if path in schema() else [""])
        if form not in schema().get(path, ())
    ]


if __name__ == "__main__":
    given = [(version, Path(folder)) for version, _, folder in (word.partition("=") for word in sys.argv[1:])]
    SCHEMA.write_text("\n".join(lines(given)) + "\n")
