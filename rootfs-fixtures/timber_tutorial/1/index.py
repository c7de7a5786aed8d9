import hug


@hug.get("/index")
def index():
    return {"timber": "so delicious"}
