#!/usr/bin/env bash
# install-transformers.sh FOLDER: a virtual environment with what test/lm/parity.test.ts and test/cli/exported.test.ts compare with; then
# MOFT_TEST_TRANSFORMERS=FOLDER/bin/python. PyTorch comes without the CUDA libraries that it is linked with.
set -euo pipefail
cd "$(dirname "$0")"
python3 -m venv "$1"
pip() { "$1/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check "${@:2}"; }
pip "$1" --no-deps torch==2.15.0 peft==0.21.2 accelerate==1.15.0
pip "$1" transformers==5.24.0 psutil sympy networkx jinja2 'setuptools>=77.0.3'
"$1/bin/python" cuda-stand-ins.py "$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch/lib"
"$1/bin/python" -c 'import peft, torch, transformers; assert torch.ones(2).sum() == 2'
