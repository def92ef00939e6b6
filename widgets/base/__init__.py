"""What every panel is built from: texts, looks, formats, tables, the states of a panel, questions by REST."""
