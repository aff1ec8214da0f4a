"""What the lint checks look at: the tracked and the new files of the tree, never the ignored ones."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def files(*suffixes):
    """Paths relative to the root, sorted; all of them, or those that end in one of the suffixes."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(f for f in set(listed)
                  if f and (not suffixes or f.endswith(suffixes)) and (ROOT / f).is_file())


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")
