"""
Stand-ins for the CUDA libraries that PyTorch of PyPI is linked with: it then starts, and computes on the CPU, without
the two gigabytes that it would load and never call. Every function of theirs answers "no device".

python cuda_stand_ins.py FOLDER: the folder of PyTorch's own libraries, .../site-packages/torch/lib.
"""

import os
import re
import subprocess
import sys
import tempfile


def read(path, *what):
    return subprocess.run(["readelf", "-W", *what, path], capture_output=True, text=True, check=True).stdout


class Library:
    """What a library needs of others: their names, and the symbols that it leaves open by the version that has them."""

    def __init__(self, path):
        self.needs = re.findall(r"\(NEEDED\).*\[(.*)\]", read(path, "-d"))
        self.versions = {}
        for line in read(path, "-V").splitlines():
            if found := re.search(r"File: (\S+)", line):
                file = found[1]
            elif found := re.search(r"Name: (\S+) +Flags", line):
                self.versions[found[1]] = file
        self.open, self.defined = [], set()
        for line in read(path, "--dyn-syms").splitlines():
            fields = line.split()
            if len(fields) < 8 or not fields[0].endswith(":"):
                continue
            name, _, version = fields[7].partition("@")
            if fields[6] != "UND":
                self.defined.add(name)
            elif fields[4] != "WEAK":
                self.open.append((name, version.lstrip("@")))


def absent(folder):
    """Symbols by library and version, of all libraries that are nowhere; those without a version stand with the first."""
    known = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout.split()
    present = {*os.listdir(folder), *known}
    libraries = [Library(os.path.join(folder, name)) for name in os.listdir(folder) if ".so" in name]
    found = {}
    for library in libraries:
        for name in library.needs:
            if name not in present:
                found.setdefault(name, {})
    defined = set().union(*(library.defined for library in libraries))
    loose = set()
    for library in libraries:
        if not found.keys() & set(library.needs):
            continue
        for symbol, version in library.open:
            if library.versions.get(version) in found:
                found[library.versions[version]].setdefault(version, set()).add(symbol)
            elif not version and symbol not in defined:
                loose.add(symbol)
    return found, loose


# cudaErrorNoDevice; what asks for the text of an error is given one.
ANSWER = "mov $100, %eax\nret\n"
TEXT = "lea text(%rip), %rax\nret\n"


def build(folder, name, versions, loose):
    symbols = sorted(set().union(loose, *versions.values()))
    code = "".join(f".globl {s}\n.type {s}, @function\n{s}: {TEXT if 'Error' in s else ANSWER}" for s in symbols)
    script = "".join(f"{v} {{ global: {' '.join(f'{s};' for s in sorted(own))} }};\n" for v, own in versions.items())
    with tempfile.TemporaryDirectory() as work:
        source, map_file = os.path.join(work, "stand-in.s"), os.path.join(work, "versions")
        with open(source, "w") as out:
            out.write(f'.text\n{code}text: .asciz "no CUDA here"\n.section .note.GNU-stack,"",@progbits\n')
        with open(map_file, "w") as out:
            out.write(script)
        versioned = [f"-Wl,--version-script={map_file}"] if versions else []
        subprocess.run(["gcc", "-shared", "-nostdlib", f"-Wl,-soname,{name}", *versioned,
                        "-o", os.path.join(folder, name), source], check=True)


if __name__ == "__main__":
    target = sys.argv[1]
    libraries, open_symbols = absent(target)
    for i, (name, versions) in enumerate(sorted(libraries.items())):
        build(target, name, versions, open_symbols if i == 0 else set())
