loop = [1]
loop.append(loop)
tree = {"name": "root"}
tree["self"] = {"parent": tree}
_result = [loop, tree]
