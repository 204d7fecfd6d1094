def main(argv):
    return argv
