def read(settings):
    try:
        return settings["port"]
    except KeyError as error:
        raise ValueError("no port configured") from error


try:
    read({})
except ValueError:
    open("/nonexistent/file")
