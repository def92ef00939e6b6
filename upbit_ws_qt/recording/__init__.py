"""What came on the lines, kept on disk to the byte, and played again.

`segments`, `writer` and `reader` are the format and know nothing of the client, so that the embedded exchange reads it
too; `recorder` taps the lines of a manager, `flight` keeps the last minutes, `replay` plays in place of the lines.
Nothing is loaded here: importing one of them loads what it needs.
"""
