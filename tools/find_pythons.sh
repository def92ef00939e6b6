#!/bin/sh
# Print the supported Pythons of this machine, newest version first, one path for each version.
#
# PATH comes first, then the folders of pyenv and uv: pyenv's shims refuse to run a version that is not chosen, although
# it is installed. A Python that is there and does not run anywhere is named on standard error and makes the exit code 1.
set -u
pyproject=$(dirname "$0")/../pyproject.toml
oldest=$(sed -n 's/^requires-python = ">=3\.\([0-9]*\)"$/\1/p' "$pyproject")
minor=14 # the newest that there is; one that is not installed is passed over
broken=0

while [ "$minor" -ge "$oldest" ]; do
    found=
    refused=
    for python in "$(command -v "python3.$minor")" "$(command -v python3)" \
        "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor".*/bin/"python3.$minor" \
        "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}/cpython-3.$minor".*/bin/"python3.$minor"; do
        [ -x "$python" ] || continue
        if answer=$("$python" -c 'import ctypes, ssl, sys; print("%d.%d" % sys.version_info[:2], sys.executable)' 2>&1); then
            [ "${answer%% *}" = "3.$minor" ] && found=${answer#* } && break
        elif [ "${python##*/}" = "python3.$minor" ]; then
            refused="$refused
$python does not run: $answer"
        fi
    done
    if [ -n "$found" ]; then
        echo "$found"
    elif [ -n "$refused" ]; then
        echo "$refused" >&2
        broken=1
    fi
    minor=$((minor - 1))
done
exit $broken
