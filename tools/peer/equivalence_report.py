def markdown(r): return ""
def as_json(r):
    import json; return json.dumps(r)
