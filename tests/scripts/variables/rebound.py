attest = "mine now"
import json
