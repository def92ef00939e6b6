"""Says in one line which system packages Qt still needs; run by `make` after each installation."""

import sys

DEBIAN_PACKAGES = (
    "libegl1 libgl1 libxkbcommon0 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libglib2.0-0 "
    "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 "
    "libxcb-xinerama0"
)


def main() -> int:
    """Try to load Qt; a missing shared library becomes an instruction instead of a traceback."""
    try:
        import PyQt6.QtWidgets  # noqa: F401 - loading is the check
    except ImportError as error:
        sys.stderr.write(
            f"Qt cannot start: {error}. On Debian and Ubuntu: apt-get install -y {DEBIAN_PACKAGES}; "
            "on Fedora: dnf install mesa-libEGL mesa-libGL libxkbcommon-x11 xcb-util-cursor\n"
        )
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
