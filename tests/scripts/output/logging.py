import logging

logging.warning("default %s", "handler")
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", force=True)
logging.getLogger("job").info("configured")
