def main():
    return {"from": "main"}
