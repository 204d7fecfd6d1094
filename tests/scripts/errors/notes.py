error = ValueError("bad row")
error.add_note("in line 7 of rows.csv")
raise error
