"""Copy the front-end files we use out of node_modules into static/vendor. For maintainers: `make vendor`.

Users need neither Node nor the network: the result is committed, with licence, version and hash of every file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"

#: package -> (licence, folder, files); a file is copied under its own name
FILES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "@tabler/core": ("MIT", "tabler", ("dist/css/tabler.min.css",)),
    "@fontsource-variable/inter": ("OFL-1.1", "inter", ("files/inter-latin-wght-normal.woff2",)),
    "@github/relative-time-element": ("MIT", "relative-time-element", ("dist/bundle.js",)),
    "idiomorph": ("0BSD", "idiomorph", ("dist/idiomorph-ext.min.js",)),
    "tinykeys": ("MIT", "tinykeys", ("dist/tinykeys.umd.js",)),
    "uplot": ("MIT", "uplot", ("dist/uPlot.iife.min.js", "dist/uPlot.min.css")),
}
#: tests only, never served
TEST_FILES = {"axe-core": ("MPL-2.0", ("axe.min.js",))}
#: Tabler's style sheet is ten times what we use of it: only rules for words that stand in these files stay
SPEAKING = ("templates/**/*.html", "static/js/*.js", "kvmweb/**/*.py", "hosts/**/*.py", "migrations_app/**/*.py")
#: and those for elements, which a page may begin to use without `make vendor`
ELEMENTS = "abbr b blockquote cite figure h4 h5 h6 hr iframe optgroup output samp small sub sup tfoot".split()  # noqa: SIM905
TABLER_MIT = "MIT License\n\nCopyright (c) 2018-2026 The Tabler Authors\n"
ICONS = """
activity alert-circle alert-triangle arrow-down arrow-left arrow-right arrow-up arrows-right-left ban brightness-half
check chevron-down chevron-left chevron-right circle-check circle-dashed circle-x clock copy cpu database
device-desktop dots-vertical download external-link eye file-text filter flag heartbeat help history info-circle key
keyboard layout-dashboard list-details loader-2 lock logout menu-2 moon network pencil player-pause player-play
player-stop plug-connected plug-connected-x plus power question-mark refresh search selector server server-2
server-off settings shield-check stack-2 sun topology-bus trash user users wifi-off x zzz
""".split()  # noqa: SIM905 one long list, easier to read like this


def main() -> None:
    shutil.rmtree(VENDOR, ignore_errors=True)
    manifest = []
    for package, (licence, folder, files) in FILES.items():
        target = VENDOR / folder
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            copied = target / Path(file).name
            text = (MODULES / package / file).read_bytes()
            # a source map that we do not ship would cause a 404 in the browser's developer tools
            copied.write_bytes(re.sub(rb"\n?(//|/\*)# sourceMappingURL=[^\n*]*(\*/)?\s*$", b"\n", text))
            if copied.name == "tabler.min.css":
                cut(copied)
            manifest.append(entry(copied, package, licence))
        (target / "LICENSE").write_text(licence_text(package))
    tests = ROOT / "tests" / "vendor"
    tests.mkdir(exist_ok=True)
    for package, (licence, files) in TEST_FILES.items():
        for file in files:
            shutil.copyfile(MODULES / package / file, tests / file)
            manifest.append(entry(tests / file, package, licence))
        (tests / "LICENSE").write_text(licence_text(package))
    sprite = ROOT / "static" / "icons.svg"
    sprite.write_text(make_sprite())
    manifest.append(entry(sprite, "@tabler/icons", "MIT"))
    (VENDOR / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def cut(sheet: Path) -> None:
    purge = [MODULES / ".bin/purgecss", "--css", sheet, "--output", sheet, "--safelist", *ELEMENTS]
    subprocess.run([*purge, "--content", *SPEAKING], cwd=ROOT, check=True)


def entry(file: Path, package: str, licence: str) -> dict[str, str | int]:
    data = file.read_bytes()
    digest = base64.b64encode(hashlib.sha384(data).digest()).decode()
    version = json.loads((MODULES / package / "package.json").read_text())["version"]
    return {
        "file": str(file.relative_to(ROOT)),
        "package": package,
        "version": version,
        "licence": licence,
        "sha384": digest,
        "bytes": len(data),
    }


def licence_text(package: str) -> str:
    file = MODULES / package / "LICENSE"
    if file.exists():
        return file.read_text()
    mit = (MODULES / "tinykeys" / "LICENSE").read_text()
    return TABLER_MIT + mit[mit.index("\nPermission is hereby granted") :]


def make_sprite() -> str:
    symbols = []
    for name in ICONS:
        svg = (MODULES / "@tabler/icons/icons/outline" / f"{name}.svg").read_text()
        inner = re.sub(r"\s*\n\s*", "", svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")])
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
            f' stroke-linecap="round" stroke-linejoin="round">{inner}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


if __name__ == "__main__":
    main()
