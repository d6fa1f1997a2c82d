"""Break the package in a thousand small ways, and say which of them no test hears.

mutmut leaves functions with a decorator alone. So a copy is made in which `@np.errstate(...)` is
a `with` block and `@property` a plain method with a property beside it, and this copy is mutated.
"""

import ast
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPY = ROOT / "build" / "mutants"


def undecorated(source: str) -> str:
    """Return the same module, with no decorator that keeps mutmut from a method."""
    lines = source.split("\n")
    methods = [method for part in ast.walk(ast.parse(source)) if isinstance(part, ast.ClassDef)
               for method in part.body
               if isinstance(method, ast.FunctionDef) and method.decorator_list]
    for method in sorted(methods, key=lambda method: -method.lineno):
        how = ast.unparse(method.decorator_list[0])
        start, end = method.decorator_list[0].lineno - 1, method.end_lineno
        body = lines[start + 1:end]
        if how == "property":
            body[0] = body[0].replace(f"def {method.name}(", f"def got_{method.name}(")
            body.append(f"    {method.name} = property(lambda self: self.got_{method.name}())")
        elif how.startswith("np.errstate"):
            first = method.body[0].lineno if ast.get_docstring(method) is None else (
                method.body[0].end_lineno + 1)
            head = first - 1 - (start + 1)
            body[head:] = [f"        with {how}:", *("    " + line for line in body[head:])]
        else:
            continue
        lines[start:end] = body
    return "\n".join(lines)


def mutmut(*arguments: str, **settings) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "mutmut", *arguments], cwd=COPY, check=True,
                          text=True, **settings)


def main() -> None:
    shutil.rmtree(COPY, ignore_errors=True)
    for folder in ("handmlp", "tests"):
        shutil.copytree(ROOT / folder, COPY / folder,
                        ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / file, COPY)
    shutil.copy(ROOT / "tests" / "mutants.cfg", COPY / "setup.cfg")
    for path in (COPY / "handmlp").glob("*.py"):
        path.write_text(undecorated(path.read_text()))
    mutmut("run", "--max-children", "2")
    ends, killed = Counter(), Counter()
    for line in mutmut("results", "--all", "true", capture_output=True).stdout.splitlines():
        mutant, end = line.strip().split(": ")
        module = mutant.split(".")[1]
        heard = end in ("killed", "timeout", "segfault")
        ends[module] += 1
        killed[module] += heard
        if not heard:
            print(mutmut("show", mutant, capture_output=True).stdout)
    for module, count in ends.items():
        print(f"{module:12} {killed[module]:4} of {count:4} killed")
    print(f"{'all':12} {killed.total():4} of {ends.total():4}, {killed.total() / ends.total():.1%}")


if __name__ == "__main__":
    main()
