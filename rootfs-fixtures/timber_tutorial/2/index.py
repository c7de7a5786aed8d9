import hug


@hug.get("/index")
def index():
    return {"timber": "so delicious", "why": "because logging shouldn't be hard"}
