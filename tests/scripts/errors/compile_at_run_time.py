try:
    compile("(", "<dynamic>", "exec")
except SyntaxError as error:
    print(error.filename, error.lineno)
exec("x = = 1")
