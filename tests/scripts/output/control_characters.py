print("nul \0 escape \x1b[1m tab \t emoji \U0001f600 \u2028")
