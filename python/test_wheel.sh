#!/usr/bin/env bash
# Builds the wheel and tests it where nothing else is installed: first what it needs, then what it can use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target="$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')"
wheels="$target/wheels"
builder="$target/python-builder"
fresh="$target/python-fresh"

[ -x "$builder/bin/maturin" ] || python3 -m venv "$builder"
"$builder/bin/python" -m pip install --quiet --disable-pip-version-check -r python/requirements-build.txt

rm -rf "$wheels" "$fresh"
# maturin looks which versions of glibc's symbols the library takes, and refuses what no manylinux tag allows.
(cd python && "$builder/bin/maturin" build --release --out "$wheels")

python3 -m venv "$fresh"
install() {
    "$fresh/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}
# Without anything that it can use: it must say what is missing, and do the rest.
install "$wheels"/*.whl
"$fresh/bin/python" -c 'import minimascope; print("minimascope", minimascope.__version__)'
"$fresh/bin/minimascope" --version

install -r python/requirements-test.txt
# From another folder than the sources': what is tested is what was installed.
"$fresh/bin/python" -P -m pytest -q -p no:cacheprovider python/tests --ignore=python/tests/torch "$@"
