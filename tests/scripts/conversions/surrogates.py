_result = ["a\ud800b", {"\udfff": 1}]
