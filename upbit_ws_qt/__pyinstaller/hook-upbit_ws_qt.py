"""PyInstaller's hook for this package; what it needs is in the package beside it."""

from PyInstaller.utils.hooks import copy_metadata

from upbit_ws_qt.__pyinstaller import data_files, hidden_imports

hiddenimports = hidden_imports()
datas = data_files() + copy_metadata("upbit-ws-qt")
