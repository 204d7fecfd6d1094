exec(compile("def broken():\n    return missing_name\n", "<dynamic>", "exec"))


def main():
    return broken()  # noqa: F821
