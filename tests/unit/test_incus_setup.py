"""What `./dev setup incus` reads from a machine's apt sources. The rest of it is run for real before the tests."""

import re
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "reconciler/adapters/incus/setup.sh"
DEBIAN = """\
Types: deb deb-src
URIs: http://deb.example.org/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg
"""
VENDOR = """\
# no blank line at its end
types: deb
uris: https://vendor.example.com/apt
suites: bookworm
components: stable
signed-by: /etc/apt/keyrings/vendor.gpg
"""


def mirror(folder: Path, files: dict[str, str]) -> str:
    """What the function says of ``files`` below an /etc/apt."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    found = re.search(r"^mirror\(\) \{.*?^\}", SCRIPT.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    command = f"set -eu\n{found[0]}\nmirror bookworm {folder} | head -n 1"
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout.strip()


TAKEN = "http://deb.example.org/debian /usr/share/keyrings/debian.gpg"
SOURCES = {
    "alone": {"debian.sources": DEBIAN},
    "before another's": {"debian.sources": DEBIAN, "vendor.sources": VENDOR},
    "behind another's": {"a-vendor.sources": VENDOR, "debian.sources": DEBIAN},
    "behind one that is disabled": {
        "a.sources": f"Enabled: no\n{DEBIAN.replace('deb.example', 'off.example')}",
        "debian.sources": DEBIAN,
    },
    "behind one of source packages": {"a.sources": DEBIAN.replace("deb deb-src", "deb-src"), "debian.sources": DEBIAN},
    "in one file": {"debian.sources": f"{VENDOR} \n\n{DEBIAN}"},
    "over several lines": {
        "debian.sources": DEBIAN.replace("URIs: ", "URIs:\n ").replace(" bookworm-", "\n bookworm-")
    },
}


@pytest.mark.parametrize("kind", SOURCES)
def test_the_mirror_is_that_of_the_distribution_with_its_own_key(tmp_path: Path, kind: str) -> None:
    assert mirror(tmp_path, {f"sources.list.d/{name}": text for name, text in SOURCES[kind].items()}) == TAKEN


def test_a_key_that_is_written_into_the_source_is_not_mistaken_for_the_name_of_one(tmp_path: Path) -> None:
    text = DEBIAN.replace("/usr/share/keyrings/debian.gpg", "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF")
    assert mirror(tmp_path, {"sources.list.d/debian.sources": text}) == "http://deb.example.org/debian"


def test_the_older_form_is_read_too(tmp_path: Path) -> None:
    lines = [
        "# deb http://off.example.org/debian bookworm main",
        "deb https://vendor.example.com/apt bookworm stable",
        "deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://deb.example.org/debian bookworm main",
    ]
    assert mirror(tmp_path, {"sources.list": "\n".join(lines)}) == TAKEN


def test_without_a_mirror_nothing_is_said(tmp_path: Path) -> None:
    assert mirror(tmp_path, {"sources.list.d/vendor.sources": VENDOR}) == ""
