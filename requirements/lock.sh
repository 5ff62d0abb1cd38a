#!/bin/sh
# Locks every dependency with hashes and without the address it came from.
# Usage: requirements/lock.sh [--upgrade]
set -eu
cd "$(dirname "$0")/.."
compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --no-annotate "$@"
}
compile "$@" pyproject.toml --extra local --extra test --extra build -o requirements/all.txt
compile "$@" pyproject.toml -c requirements/all.txt -o requirements/services.txt
compile "$@" -c requirements/all.txt requirements/emulator.in -o requirements/emulator.txt
for toolchain in java go node docs audit; do
    compile "$@" "requirements/$toolchain.in" -o "requirements/$toolchain.txt"
done
